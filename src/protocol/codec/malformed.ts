/** Input that cannot be read: what is wrong, and where it was found. Codecs give it the protocol's error code. */
import { AwsError } from "../aws-error.ts";

/** Deepest nesting of an input; AWS's deepest modelled input has about 20 levels. */
export const maxDepth = 100;

/** Thrown while decoding; each level on the way out adds its name, so the happy path carries no path. */
export class Malformed extends Error {
  readonly path: string[] = [];

  constructor(message: string) {
    super(message);
    this.name = "Malformed";
  }
}

/** Adds the member, list position or map key in which `error` happened; other errors pass unchanged. */
export function within(part: string | number, error: unknown): unknown {
  if (error instanceof Malformed) error.path.unshift(typeof part === "number" ? `[${part}]` : part);
  return error;
}

/** `InputDataConfig[0].ChannelName` */
function pathText(path: readonly string[]): string {
  return path.reduce((text, part) => (text === "" || part.startsWith("[") ? text + part : `${text}.${part}`), "");
}

/** Runs `decode`, turning what it finds malformed into an AwsError with `code` and status 400. */
export function malformedAs<T>(code: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const where = error.path.length === 0 ? "" : ` at '${pathText(error.path)}'`;
    throw new AwsError(code, `${error.message}${where}`, { cause: error });
  }
}

/** Refuses input that is nested deeper than `maxDepth`, before recursion could exhaust the stack. */
export function checkDepth(depth: number): void {
  if (depth > maxDepth) throw new Malformed(`The input is nested deeper than ${maxDepth} levels`);
}
