/**
 * What a service is to the server: the name of its description and a table of handlers.
 *
 * A handler receives decoded and validated input in AWS's own shapes (capitals, `Date` timestamps, `Uint8Array`
 * blobs, an async iterable for a streaming body) and returns output in the same shapes. What it does not support
 * it declares: the server refuses it by name before the handler runs, and docs/coverage.md is made from the same table.
 */
import type { Clock } from "../util/clock.ts";
import type { Access } from "./access.ts";
import type { HttpResponse } from "./http-message.ts";
import type { CredentialLookup } from "./sigv4/credential.ts";

/** Who signed the request. */
export interface Principal {
  /**
   * `federated-user`: what GetFederationToken issued; the policies of its issuer and those of the session must both allow.
   * `service`: a service of the platform, which no policy of an identity speaks for; only what a resource's policy grants to
   * `{ "Service": arn }`, as trust policies do.
   */
  readonly kind: "root" | "user" | "assumed-role" | "federated-user" | "service" | "anonymous";
  readonly accountId: string;
  /**
   * e.g. `arn:aws:iam::000000000000:root`, `arn:aws:sts::000000000000:assumed-role/Role/session`,
   * `arn:aws:sts::000000000000:federated-user/Name`; the name of a service, e.g. `sagemaker.amazonaws.com`
   */
  readonly arn: string;
  /** IAM's unique id: the account id for root, `AIDA…` for a user, `AROA…:session` for an assumed role. */
  readonly userId: string;
  readonly accessKeyId: string;
  /** What temporary credentials were issued with: it narrows what their identity may do, or describes it. */
  readonly session?: SessionFacts;
}

/** Facts of a session that policies look at. */
export interface SessionFacts {
  /** The role, user or root behind the session, e.g. `arn:aws:iam::000000000000:role/path/Role`. */
  readonly issuerArn: string;
  /** Session policies, JSON texts: the session may do only what one of them allows, too. An empty list allows nothing. */
  readonly policies?: readonly string[];
  /** Session tags: `aws:PrincipalTag/<key>`. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Keys of `tags` that roles assumed from this session inherit. */
  readonly transitiveTagKeys?: readonly string[];
  readonly sourceIdentity?: string;
  /** ms since the epoch, when the credentials were issued: `aws:TokenIssueTime`. */
  readonly issuedAt?: number;
}

/** Facts of one request that are not in its input. */
export interface RequestContext {
  readonly requestId: string;
  readonly service: string;
  readonly operation: string;
  readonly accountId: string;
  readonly region: string;
  readonly principal: Principal;
  readonly clock: Clock;
  /** Aborts when the client hangs up. */
  readonly signal: AbortSignal;
  /** Lower-cased request headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** The base URL under which the client reached us, e.g. `http://127.0.0.1:7243`. */
  readonly baseUrl: string;
  /** Sets a response header that is not a member of the output shape. */
  setHeader(name: string, value: string): void;
  /** Answers with this status instead of the description's, e.g. 206 for a range of an object. */
  setStatus?(status: number): void;
  /** Headers that came behind a streamed body, names lower-cased; known once the body was read to its end. */
  trailers?(): Readonly<Record<string, string>>;
  /**
   * Asks the policies whether the caller may do more than `Service.accesses` declared, for what only a handler can know,
   * e.g. each key of DeleteObjects.
   * @throws AwsError AccessDenied, saying who, what and on which resource
   */
  authorize(...accesses: readonly Access[]): Promise<void>;
}

/** A request that may not be for the API of a service at all: a web page, a preflight, a form of a browser. */
export interface EdgeRequest {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly clock: Clock;
  readonly baseUrl: string;
  readonly signal: AbortSignal;
  /** The body as it arrives; read at most once. */
  streamBody(): AsyncIterable<Uint8Array>;
  /** For forms that carry their signature in a field. */
  readonly lookup: CredentialLookup;
  /** The policies' answer for a caller that this edge has authenticated itself. @throws AwsError AccessDenied */
  authorize(principal: Principal, ...accesses: readonly Access[]): Promise<void>;
}

/** What a service does at the HTTP level, beside its API: S3's websites, CORS and browser uploads. */
export interface ServiceEdge {
  /** Answers a request that is not one of the API; undefined leaves it to the API. Called before authentication. */
  handle(request: EdgeRequest): Promise<HttpResponse | undefined>;
  /** Adds headers to the answer of the API, errors too, e.g. those of CORS. */
  decorate?(request: Pick<EdgeRequest, "method" | "path" | "headers">, response: HttpResponse): Promise<void>;
}

export type Handler<Input, Output> = (input: Input, context: RequestContext) => Output | Promise<Output>;

/** A parameter, or some values of it, that the operation does not support. */
export interface Refusal {
  /** Path of members, `[]` for each list element: `"InputDataConfig[].ShuffleConfig"`. */
  readonly parameter: string;
  /** Refuse only these values; without it any value is refused. */
  readonly values?: readonly unknown[];
  /** Refuse every value but these. */
  readonly except?: readonly unknown[];
  /** One clause for people, continuing "<parameter> is not supported by Sagebrush: …". */
  readonly because: string;
}

export interface OperationDefinition<Input, Output> {
  readonly handle: Handler<Input, Output>;
  /** Holds a body in memory, before it is decoded, to the digests in its headers; throws AwsError. */
  readonly verifyBody?: (headers: Readonly<Record<string, string>>, body: Uint8Array) => void;
  readonly refuses?: readonly Refusal[];
  /**
   * The handler holds the input to its constraints by itself, because the operation words mistakes in its own way. The
   * types are right all the same: decoding saw to that.
   */
  readonly checksInput?: true;
  /** What differs from AWS although no parameter is refused: one clause for people, shown in docs/coverage.md. */
  readonly caveat?: string;
}

/** The shape of the generated `…Operations` interfaces. */
export type OperationTypes = Record<string, { input: unknown; output: unknown }>;

/** Handlers by operation name; an operation without an entry is refused by name. */
export type OperationTable<Operations> = {
  readonly [Name in keyof Operations]?: Operations[Name] extends { input: infer Input; output: infer Output }
    ? OperationDefinition<Input, Output>
    : never;
};

/**
 * @param input decoded, not validated: members may be absent or wrong, and then the resource is `*` in their place
 * @returns what must all be allowed; nothing for what everybody with a credential may do, e.g. sts:GetCallerIdentity
 */
export type AccessRules = (
  operation: string,
  input: Readonly<Record<string, unknown>>,
  context: Pick<RequestContext, "accountId" | "region" | "principal" | "headers">,
) => readonly Access[] | Promise<readonly Access[]>;

/** A service as the server mounts it. */
export interface Service {
  /** Code of violated constraints and refused parameters; `ValidationException` unless the service has one of its own. */
  readonly validationCode?: string;
  /** Code of refused permission where it is not AccessDenied(Exception): SNS says AuthorizationError. */
  readonly deniedCode?: string;
  /** Name of the description in `service-models/`, e.g. `sagemaker-runtime`. */
  readonly description: string;
  /**
   * What a request does to which resources, for the policies: all of it must be allowed. Called with decoded input that
   * is not validated yet, also for operations without a handler. Without it every operation is `<signing name>:<name>` on `*`.
   */
  readonly accesses?: AccessRules;
  /** Requests without a signature reach the policies as an anonymous principal, instead of being refused at once. */
  readonly anonymous?: boolean;
  readonly edge?: ServiceEdge;
  // The table is typed where the service is written; the server only walks it.
  readonly operations: Readonly<Record<string, OperationDefinition<never, unknown>>>;
}

/** Ties a typed operation table to the description it implements. */
export function defineService<Operations>(
  description: string,
  operations: OperationTable<Operations>,
  options: Omit<Service, "description" | "operations"> = {},
): Service {
  return { description, operations: operations as unknown as Service["operations"], ...options };
}
