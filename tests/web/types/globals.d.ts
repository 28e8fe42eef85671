/** Names for the types of the API that docs/openapi.json describes. */
import type { components } from "./openapi";
import type { VNode } from "preact";

type Schemas = components["schemas"];

declare global {
  type Job = Schemas["JobView"];
  type JobStatus = Schemas["JobStatus"];
  type JobResult = Schemas["ResultView"];
  type JobOutput = Schemas["OutputView"];
  type ReceiptDocument = Schemas["ReceiptView"];
  type Batch = Schemas["BatchView"];
  type Preset = Schemas["PresetView"];
  type Plan = Schemas["PlanView"];
  type DeadLetter = Schemas["DeadLetterView"];
  type Capabilities = Schemas["CapabilitiesView"];
  type Multipart = Schemas["MultipartView"];
  type StoredParts = Schemas["PartsView"];
  type SignedPart = Schemas["SignedPartView"];
  type Limits = Schemas["LimitsView"];
  type Failure = { code?: string; message?: string };
  /** A pipeline as the recipe edits it. The schemas of the capabilities describe its operations. */
  type EditedPipeline = { operations: Array<Record<string, any>>; outputs: Array<Record<string, any>> };
  type JobSpec = { preset: string } | { pipeline: EditedPipeline };
  type View = VNode<any> | string | number | null | undefined | false | Array<View>;
}
