/**
 * An error as an AWS service answers it: services throw it by name, one place turns it into a response.
 *
 * `code` is the shape name of the description (`ResourceNotFound`) or, for the errors every service shares and
 * no description lists, the well-known code (`ValidationException`, `AccessDenied`). Status, sender and the
 * code on the wire come from the description where it has the shape, else from `status`.
 */
export class AwsError extends Error {
  readonly code: string;
  /** HTTP status when the description does not give one. */
  readonly status: number;
  /** Further members of the modelled error shape, e.g. `OriginalStatusCode` of ModelError. */
  readonly members: Readonly<Record<string, unknown>>;
  /** Extra response headers, e.g. `x-amz-bucket-region` of an S3 redirect. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    message: string,
    options: {
      status?: number;
      members?: Record<string, unknown>;
      headers?: Record<string, string>;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AwsError";
    this.code = code;
    this.status = options.status ?? 400;
    this.members = options.members ?? {};
    this.headers = options.headers ?? {};
  }
}

/** The error of every violated rule of an input: AWS's code for it, status 400. */
export function validationError(message: string): AwsError {
  return new AwsError("ValidationException", message);
}
