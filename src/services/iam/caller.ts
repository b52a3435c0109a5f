import type { RequestContext } from "../../protocol/service.ts";
import { nameOfArn } from "./entities.ts";
import { validationError } from "./errors.ts";

/**
 * The user an operation is about: the one it names, else the caller.
 * @throws AwsError ValidationError when nobody is named and the caller is no user
 */
export function namedOrCaller(userName: string | undefined, { principal }: Pick<RequestContext, "principal">): string {
  if (userName !== undefined) return userName;
  if (principal.kind === "user") return nameOfArn(principal.arn);
  throw validationError("Must specify userName when calling with non-User credentials");
}
