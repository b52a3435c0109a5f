/**
 * Buckets as websites: what a browser sees at the website's host name, or at `/_sagebrush/website/<bucket>/`.
 *
 * Visitors are nobody in particular: they see what everybody may read.
 * Source: Amazon S3 User Guide, "Hosting a static website using Amazon S3".
 */
import { Readable } from "node:stream";
import { AwsError } from "../../../protocol/aws-error.ts";
import type {
  GetObjectOutput,
  HeadObjectOutput,
  S3Operations,
  WebsiteConfiguration,
} from "../../../protocol/generated/s3.ts";
import type { HttpResponse } from "../../../protocol/http-message.ts";
import type { EdgeRequest, OperationTable } from "../../../protocol/service.ts";
import { accessTo } from "../accesses.ts";
import { addCorsHeaders, answerPreflight } from "../cross-origin.ts";
import { anybody, contextOf, decodedPath } from "../edge-context.ts";
import { noSuchBucket, s3Error } from "../errors.ts";
import { bucketOfWebsiteHost, nameOfHost } from "../host-names.ts";
import type { ObjectStore } from "../object-store.ts";
import type { Bucket } from "../records.ts";
import { errorPage } from "./pages.ts";
import { encodedKey, followAll, followRule, matchingRule, type Relocation, type Visit } from "./routing.ts";

/** For people whose resolver knows no `*.localhost`. */
const pathPrefix = "/_sagebrush/website/";

export interface WebsiteParts {
  readonly objects: ObjectStore;
  /** Reads as the API does: ranges, conditions, headers. */
  readonly reads: Required<Pick<OperationTable<S3Operations>, "GetObject" | "HeadObject">>;
}

/** Which website a request is for, if for any. */
export interface WebsiteAddress {
  readonly bucket: string;
  readonly base: string;
  /** Percent-encoded, without the slash in front. */
  readonly path: string;
}

export function websiteAddress({ path, headers }: Pick<EdgeRequest, "path" | "headers">): WebsiteAddress | undefined {
  const ofHost = bucketOfWebsiteHost(nameOfHost(headers["host"] ?? ""));
  if (ofHost !== undefined) return { bucket: ofHost, base: "/", path: path.replace(/^\//, "") };
  if (!path.startsWith(pathPrefix)) return undefined;
  const rest = path.slice(pathPrefix.length);
  const slash = rest.indexOf("/");
  const name = slash === -1 ? rest : rest.slice(0, slash);
  return {
    bucket: decodedPath(name) ?? "",
    base: `${pathPrefix}${name}/`,
    path: slash === -1 ? "" : rest.slice(slash + 1),
  };
}

/** Answers a visitor: a page, a redirect, or an error as a page. */
export async function visitWebsite(
  parts: WebsiteParts,
  address: WebsiteAddress,
  request: EdgeRequest,
): Promise<HttpResponse> {
  const bucket = await parts.objects.bucket(address.bucket);
  let response: HttpResponse;
  try {
    response = await answered(parts, address, bucket, request);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    response = errorPage(error, request.requestId);
  }
  addCorsHeaders(bucket?.settings.cors, request, response);
  return response;
}

async function answered(
  parts: WebsiteParts,
  address: WebsiteAddress,
  bucket: Bucket | undefined,
  request: EdgeRequest,
): Promise<HttpResponse> {
  const { method, headers, query } = request;
  if (method === "OPTIONS")
    return answerPreflight(parts.objects, request, { bucket: address.bucket, key: address.path });
  if (method !== "GET" && method !== "HEAD") {
    throw s3Error("MethodNotAllowed", { Method: method, ResourceType: "OBJECT" }, { headers: { allow: "GET, HEAD" } });
  }
  if (bucket === undefined) throw noSuchBucket(address.bucket);
  const { website } = bucket.settings;
  if (website === undefined) throw s3Error("NoSuchWebsiteConfiguration", { BucketName: bucket.name });
  const key = decodedPath(address.path);
  if (key === undefined) throw s3Error("BadRequest", {}, { message: "The path is not a percent-encoded UTF-8 text." });
  const visit: Visit = { key, query, host: headers["host"] ?? "", base: address.base };
  if (website.RedirectAllRequestsTo !== undefined) return moved(followAll(website.RedirectAllRequestsTo, visit));
  const rule = matchingRule(website.RoutingRules, key);
  if (rule !== undefined) return moved(followRule(rule, visit));
  return page(new Reader(parts, bucket, request), website, visit, request);
}

async function page(
  reader: Reader,
  website: WebsiteConfiguration,
  visit: Visit,
  { requestId }: EdgeRequest,
): Promise<HttpResponse> {
  const suffix = website.IndexDocument!.Suffix;
  const isFolder = visit.key === "" || visit.key.endsWith("/");
  try {
    return await reader.read(isFolder ? visit.key + suffix : visit.key);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    if (error.status === 304) return { status: 304, headers: { ...error.headers }, body: undefined };
    if (!isFolder && (await reader.has(`${visit.key}/${suffix}`))) {
      return moved({ status: 302, location: `${visit.base}${encodedKey(visit.key)}/` });
    }
    const rule = matchingRule(website.RoutingRules, visit.key, error.status);
    if (rule !== undefined) return moved(followRule(rule, visit));
    if (website.ErrorDocument === undefined || error.status >= 500) return errorPage(error, requestId);
    return reader.readInstead(website.ErrorDocument.Key, error);
  }
}

function moved({ status, location }: Relocation): HttpResponse {
  return { status, headers: { location }, body: undefined };
}

/** Objects as everybody sees them. */
class Reader {
  readonly #parts: WebsiteParts;
  readonly #bucket: Bucket;
  readonly #request: EdgeRequest;

  constructor(parts: WebsiteParts, bucket: Bucket, request: EdgeRequest) {
    this.#parts = parts;
    this.#bucket = bucket;
    this.#request = request;
  }

  /** @throws AwsError AccessDenied, NoSuchKey, NotModified, PreconditionFailed, InvalidRange */
  async read(key: string, headers = this.#request.headers): Promise<HttpResponse> {
    const { reads } = this.#parts;
    const bucket = this.#bucket;
    const operation = this.#request.method === "HEAD" ? "HeadObject" : "GetObject";
    await this.#authorize(key);
    let status = 200;
    const context = contextOf(
      this.#request,
      { operation, principal: anybody, region: bucket.region },
      { headers, setStatus: (chosen) => (status = chosen) },
    );
    const input = {
      Bucket: bucket.name,
      Key: key,
      ...text("Range", headers["range"]),
      ...text("IfMatch", headers["if-match"]),
      ...text("IfNoneMatch", headers["if-none-match"]),
      ...date("IfModifiedSince", headers["if-modified-since"]),
      ...date("IfUnmodifiedSince", headers["if-unmodified-since"]),
    };
    const output: GetObjectOutput & HeadObjectOutput = await reads[operation].handle(input, context);
    const { WebsiteRedirectLocation: location, Body: body } = output;
    if (location !== undefined) {
      if (body instanceof Readable) body.destroy();
      return moved({ status: 301, location });
    }
    return { status, headers: headersOf(output), body };
  }

  /** The owner's page for an error, with the status of the error. */
  async readInstead(key: string, error: AwsError): Promise<HttpResponse> {
    const { headers, requestId } = this.#request;
    try {
      // Ranges and conditions were of what was asked for.
      const response = await this.read(key, { host: headers["host"] ?? "" });
      return response.status === 200 ? { ...response, status: error.status } : response;
    } catch (second) {
      if (!(second instanceof AwsError)) throw second;
      return errorPage(error, requestId, second);
    }
  }

  async has(key: string): Promise<boolean> {
    try {
      await this.#authorize(key);
    } catch (error) {
      if (error instanceof AwsError) return false;
      throw error;
    }
    return (await this.#parts.objects.object(this.#bucket, key)) !== undefined;
  }

  async #authorize(key: string): Promise<void> {
    const target = { name: this.#bucket.name, bucket: this.#bucket, key };
    const facts = { principal: anybody, headers: this.#request.headers, input: {} };
    await this.#request.authorize(anybody, await accessTo(this.#parts.objects, "s3:GetObject", target, facts));
  }
}

function text<Name extends string>(name: Name, value: string | undefined): { readonly [Key in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: string };
}

/** A header that is no date is ignored, as RFC 9110 asks. */
function date<Name extends string>(name: Name, value: string | undefined): { readonly [Key in Name]?: Date } {
  const ms = Date.parse(value ?? "");
  return (Number.isNaN(ms) ? {} : { [name]: new Date(ms) }) as { readonly [Key in Name]?: Date };
}

const shownHeaders = [
  ["AcceptRanges", "accept-ranges"],
  ["CacheControl", "cache-control"],
  ["ContentDisposition", "content-disposition"],
  ["ContentEncoding", "content-encoding"],
  ["ContentLanguage", "content-language"],
  ["ContentLength", "content-length"],
  ["ContentRange", "content-range"],
  ["ContentType", "content-type"],
  ["ETag", "etag"],
  ["VersionId", "x-amz-version-id"],
] as const;

function headersOf(output: GetObjectOutput & HeadObjectOutput): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [member, header] of shownHeaders) {
    const value = output[member];
    if (value !== undefined) headers[header] = String(value);
  }
  if (output.LastModified !== undefined) headers["last-modified"] = output.LastModified.toUTCString();
  if (output.Expires !== undefined) headers["expires"] = output.Expires.toUTCString();
  for (const [name, value] of Object.entries(output.Metadata ?? {})) headers[`x-amz-meta-${name}`] = value;
  return headers;
}
