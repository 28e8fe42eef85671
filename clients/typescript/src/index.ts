export * from "./client.js";
export { SafelightError, type ClientOptions, type Request, type RequestOptions } from "./http.js";
export { type PictureOptions, type PictureProps } from "./picture.js";
export type { components, operations, paths } from "./schema.js";
