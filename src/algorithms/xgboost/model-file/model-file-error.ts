import { ClientError } from "../../algorithm.ts";

/** A file that is no model Sagebrush can serve; the message says which file and what is wrong with it. */
export class ModelFileError extends ClientError {
  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`Model file ${file}: ${problem}`, options);
    this.name = "ModelFileError";
  }
}
