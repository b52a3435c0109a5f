/** An error that a service answered, or an answer that is none. */
export class AwsClientError extends Error {
  /** AWS's code without a namespace: `ResourceNotFound`, `ValidationException`; `HTTP <status>` when the answer gives none. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** Empty when the answer gives none. */
  readonly requestId: string;

  constructor(code: string, message: string, facts: { status: number; requestId: string }) {
    super(message);
    this.name = "AwsClientError";
    this.code = code;
    this.status = facts.status;
    this.requestId = facts.requestId;
  }
}

/** Reads the error out of an answer with a status of 400 or more, in JSON or XML. */
export async function readError(response: Response): Promise<AwsClientError> {
  const { status, headers } = response;
  const text = await response.text();
  const found = text.trimStart().startsWith("<") ? readXmlError(text) : readJsonError(text);
  const code = headers.get("x-amzn-errortype") ?? found.code;
  return new AwsClientError(
    // `com.amazon.coral.service#ValidationException:http://…` is an old spelling of `ValidationException`.
    code?.replace(/^.*#/, "").replace(/:.*$/, "") || `HTTP ${status}`,
    found.message ?? (text.slice(0, 1000) || response.statusText || `the server answered with status ${status}`),
    {
      status,
      requestId: headers.get("x-amzn-requestid") ?? headers.get("x-amz-request-id") ?? found.requestId ?? "",
    },
  );
}

interface Found {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly requestId?: string | undefined;
}

function readJsonError(text: string): Found {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return {}; // not JSON: the caller shows the text itself
  }
  if (typeof body !== "object" || body === null) return {};
  const { __type, code, message, Message } = body as Readonly<Record<string, unknown>>;
  return { code: firstText(__type, code), message: firstText(message, Message) };
}

function firstText(...values: unknown[]): string | undefined {
  return values.find((value) => typeof value === "string");
}

function readXmlError(text: string): Found {
  const element = (name: string) => {
    const match = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text);
    return match === null ? undefined : decodeEntities(match[1]);
  };
  return { code: element("Code"), message: element("Message"), requestId: element("RequestId") };
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return entities[name] ?? whole;
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    },
  );
}
