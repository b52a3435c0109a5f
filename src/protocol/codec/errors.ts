/** What every protocol needs to know of an error before it writes it. */
import type { AwsError } from "../aws-error.ts";
import type { CompiledOperation, CompiledService, ErrorShape } from "../compiled-service.ts";
import type { ShapeModel } from "../service-model.ts";
import type { Structure } from "./codec.ts";

export interface ResolvedError {
  /** The error's shape, when the description has it. */
  readonly shape: ErrorShape | undefined;
  /** The shape's name, else the error's own code: what JSON protocols call the type. */
  readonly type: string;
  /** What query and XML protocols call the code: the shape's `error.code`, else the type. */
  readonly code: string;
  readonly status: number;
  /** Whether the sender is at fault: `Sender` or `Receiver` on the wire. */
  readonly fault: "Sender" | "Receiver";
  /** The members of the shape, the message among them under the shape's own spelling. */
  readonly members: Structure;
}

/** The name of the member that carries the message: `message` or `Message`, as the shape spells it. */
function messageMember(shape: ShapeModel | undefined, byDefault: string): string {
  return Object.keys(shape?.members ?? {}).find((name) => name.toLowerCase() === "message") ?? byDefault;
}

/**
 * The shape's status; one marked as the service's fault without a status of its own is never answered with a client's.
 *
 * The traits of a service that used to speak the query protocol describe that protocol: the status beside a code is
 * the query protocol's, and over JSON and CBOR the fault alone decides.
 */
function statusOf(
  service: CompiledService,
  shape: ShapeModel | undefined,
  error: AwsError,
  family: "json" | "xml",
): number {
  const trait = shape?.error;
  const isQueryTrait =
    family === "json" && service.model.metadata.awsQueryCompatible !== undefined && trait?.code !== undefined;
  if (trait?.httpStatusCode !== undefined && !isQueryTrait) return trait.httpStatusCode;
  const isOurFault = shape?.fault === true || trait?.senderFault === false;
  if (isQueryTrait) return isOurFault ? 500 : 400;
  return isOurFault && error.status < 500 ? 500 : error.status;
}

/** @param family XML (query and REST XML) or JSON (all others): they read the traits and spell the message differently */
export function resolveError(service: CompiledService, error: AwsError, family: "json" | "xml"): ResolvedError {
  const shape = service.errorShape(error.code);
  const trait = shape?.model.error;
  const status = statusOf(service, shape?.model, error, family);
  const messageKey = messageMember(shape?.model, family === "xml" ? "Message" : "message");
  const members: Structure = { ...error.members };
  if (members[messageKey] === undefined && error.message !== "") members[messageKey] = error.message;
  return {
    shape,
    type: shape?.name ?? error.code,
    code: trait?.code ?? shape?.name ?? error.code,
    status,
    fault: (trait?.senderFault ?? status < 500) ? "Sender" : "Receiver",
    members,
  };
}

/**
 * An error as JSON text: the members of its shape by `encode`, then those that AWS sends although no description has
 * them, such as ModelError's `ErrorCode` or the message of a shape without members.
 */
export function jsonErrorBody({ shape, members }: ResolvedError, encode: (members: Structure) => string): string {
  if (shape === undefined) return JSON.stringify(members);
  const modelled = encode(members);
  const more = Object.entries(members).filter(([name]) => !Object.hasOwn(shape.model.members ?? {}, name));
  if (more.length === 0) return modelled;
  const unmodelled = JSON.stringify(Object.fromEntries(more));
  return modelled === "{}" ? unmodelled : `${modelled.slice(0, -1)},${unmodelled.slice(1)}`;
}

/**
 * The header by which services that used to speak the query protocol tell its clients the old error code,
 * e.g. `AWS.SimpleQueueService.NonExistentQueue;Sender`.
 */
export function queryErrorHeader(service: CompiledService, error: ResolvedError): Record<string, string> {
  const compatible =
    service.model.metadata.awsQueryCompatible !== undefined && error.shape?.model.error?.code !== undefined;
  return compatible ? { "x-amzn-query-error": `${error.code};${error.fault}` } : {};
}

/** A response to HEAD has no body, whatever happened. */
export function isHead(operation: CompiledOperation | undefined): boolean {
  return operation?.model.http.method === "HEAD";
}
