import { entryPoint } from "../../util/entry-point.ts";

/** The program that trains a built-in algorithm; which one and where it learns from its environment, see run.ts. */
export function algorithmCommand(): [string, ...string[]] {
  return [process.execPath, entryPoint(import.meta.url, "./main.ts")];
}
