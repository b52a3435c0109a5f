/** CORS configurations: how they are set, and which rule speaks for a request of a web page. */
import type { CORSConfiguration, CORSRule } from "../../../protocol/generated/s3.ts";
import { invalidRequest, s3Error } from "../errors.ts";

const maxRules = 100;
const maxIdCharacters = 255;
const methods = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/**
 * @throws AwsError MalformedXML, InvalidRequest
 * Source: Amazon S3 User Guide, "Elements of a CORS configuration".
 */
export function checkedCors({ CORSRules: rules = [] }: Partial<CORSConfiguration> = {}): CORSConfiguration {
  if (rules.length === 0 || rules.length > maxRules) throw s3Error("MalformedXML");
  for (const rule of rules) checkRule(rule);
  return { CORSRules: rules };
}

function checkRule(rule: CORSRule): void {
  const { AllowedMethods, AllowedOrigins, AllowedHeaders = [], ExposeHeaders = [], MaxAgeSeconds } = rule;
  if (AllowedMethods.length === 0 || AllowedOrigins.length === 0) throw s3Error("MalformedXML");
  if ((rule.ID?.length ?? 0) > maxIdCharacters) throw s3Error("MalformedXML");
  if (MaxAgeSeconds !== undefined && !(Number.isInteger(MaxAgeSeconds) && MaxAgeSeconds >= 0)) {
    throw s3Error("MalformedXML");
  }
  const unsupported = AllowedMethods.find((method) => !methods.includes(method));
  if (unsupported !== undefined) {
    throw invalidRequest(`Found unsupported HTTP method in CORS config. Unsupported method is ${unsupported}`);
  }
  requireOneWildcard("AllowedOrigin", AllowedOrigins);
  requireOneWildcard("AllowedHeader", AllowedHeaders);
  const wild = ExposeHeaders.find((header) => header.includes("*"));
  if (wild !== undefined) {
    throw invalidRequest(
      `ExposeHeader "${wild}" contains wildcard. We currently do not support wildcard for ExposeHeader.`,
    );
  }
  // They become headers of answers.
  const unsendable = [...ExposeHeaders, ...AllowedOrigins].find((text) => !/^[\x21-\x7e]+$/.test(text));
  if (unsendable !== undefined) throw s3Error("MalformedXML");
}

function requireOneWildcard(element: string, patterns: readonly string[]): void {
  const wrong = patterns.find((pattern) => pattern.split("*").length > 2);
  if (wrong !== undefined) throw invalidRequest(`${element} "${wrong}" can not have more than one wildcard.`);
}

/** What a page asks for. */
export interface CrossOriginRequest {
  readonly origin: string;
  readonly method: string;
  /** Names of headers as sent; none of an actual request, whose preflight has asked. */
  readonly requestHeaders: readonly string[];
}

/** What a rule lets a page do. */
export interface CrossOriginGrant {
  readonly rule: CORSRule;
  /** Matched by `*` alone: anyone may read, so nobody's cookies are. */
  readonly anyOrigin: boolean;
}

/** The first rule that lets the request through. */
export function corsGrant(
  { CORSRules }: CORSConfiguration,
  { origin, method, requestHeaders }: CrossOriginRequest,
): CrossOriginGrant | undefined {
  for (const rule of CORSRules) {
    const matched = rule.AllowedOrigins.find((pattern) => matches(pattern, origin));
    if (matched === undefined || !rule.AllowedMethods.includes(method)) continue;
    const allowed = (rule.AllowedHeaders ?? []).map((header) => header.toLowerCase());
    const everyHeader = requestHeaders.every((header) => allowed.some((pattern) => matches(pattern, header)));
    if (everyHeader) return { rule, anyOrigin: matched === "*" };
  }
  return undefined;
}

/** What caches must know of a bucket that answers some origins and not others. */
export const varyByOrigin = { vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method" };

/** The headers of an answer to a page that a rule lets through. */
export function corsHeaders(
  { rule, anyOrigin }: CrossOriginGrant,
  { origin, requestHeaders }: CrossOriginRequest,
): Record<string, string> {
  const { ExposeHeaders = [], MaxAgeSeconds } = rule;
  return {
    "access-control-allow-origin": anyOrigin ? "*" : origin,
    "access-control-allow-methods": rule.AllowedMethods.join(", "),
    ...(requestHeaders.length === 0 ? {} : { "access-control-allow-headers": requestHeaders.join(", ") }),
    ...(ExposeHeaders.length === 0 ? {} : { "access-control-expose-headers": ExposeHeaders.join(", ") }),
    ...(MaxAgeSeconds === undefined ? {} : { "access-control-max-age": String(MaxAgeSeconds) }),
    ...(anyOrigin ? {} : { "access-control-allow-credentials": "true" }),
    ...varyByOrigin,
  };
}

/** A pattern has at most one `*`, which stands for any text. */
function matches(pattern: string, text: string): boolean {
  const star = pattern.indexOf("*");
  if (star === -1) return pattern === text;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
}
