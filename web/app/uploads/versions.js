/** Another version of an image: a job from the raw image that the server has stored, without another upload. */

import { createJobFrom } from "../net/api.js";
import { Problem } from "../net/problem.js";

/** Errors of jobs whose raw image can't be processed again. Another version of the image may have its own copy. */
const UNUSABLE = new Set(["JOB_NOT_FOUND", "RAW_IMAGE_MISSING", "SOURCE_NOT_READY", "SOURCE_UNUSABLE"]);

/**
 * Create a job from the stored image of one of the jobs of an image, the newest first.
 * @param {Job[]} versions @param {JobSpec} spec @param {import("../net/retry.js").RetryOptions} options
 * @returns {Promise<Job|null>} null if no job has a stored image
 */
export async function createVersion(versions, spec, options) {
  for (const { id } of versions.toReversed()) {
    try {
      return await createJobFrom(id, spec, options);
    } catch (problem) {
      if (!(problem instanceof Problem) || !UNUSABLE.has(problem.code)) throw problem;
    }
  }
  return null;
}
