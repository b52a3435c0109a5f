/** CORS: what pages of other origins may do with a bucket. Source: Fetch standard, "HTTP extensions", and Amazon S3 User Guide. */
import type { CORSConfiguration } from "../../protocol/generated/s3.ts";
import type { HttpResponse } from "../../protocol/http-message.ts";
import type { EdgeRequest } from "../../protocol/service.ts";
import type { BucketFinder } from "./access.ts";
import { noSuchBucket, s3Error } from "./errors.ts";
import { corsGrant, corsHeaders, varyByOrigin } from "./settings/cors.ts";

const methods = ["GET", "PUT", "HEAD", "POST", "DELETE"];
const maxRequestHeaders = 100;

/**
 * Answers a browser that asks before it sends.
 * @param place the bucket, and the key unless it is empty
 * @throws AwsError BadRequest, AccessForbidden, NoSuchBucket
 */
export async function answerPreflight(
  buckets: BucketFinder,
  { headers }: Pick<EdgeRequest, "headers">,
  place: { readonly bucket: string; readonly key: string },
): Promise<HttpResponse> {
  const { origin, "access-control-request-method": method, "access-control-request-headers": wanted = "" } = headers;
  if (origin === undefined) {
    throw s3Error("BadRequest", {}, { message: "Insufficient information. Origin request header needed." });
  }
  if (method === undefined || !methods.includes(method)) {
    throw s3Error("BadRequest", {}, { message: `Invalid Access-Control-Request-Method: ${method ?? "null"}` });
  }
  const bucket = await buckets.bucket(place.bucket);
  if (bucket === undefined) throw noSuchBucket(place.bucket);
  const facts = { Method: method, ResourceType: place.key === "" ? "BUCKET" : "OBJECT" };
  const { cors } = bucket.settings;
  if (cors === undefined) {
    throw s3Error("AccessForbidden", facts, { message: "CORSResponse: CORS is not enabled for this bucket." });
  }
  const requestHeaders = headerNames(wanted);
  const request = { origin, method, requestHeaders };
  const grant = requestHeaders.length > maxRequestHeaders ? undefined : corsGrant(cors, request);
  if (grant === undefined) {
    throw s3Error("AccessForbidden", facts, {
      message:
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
    });
  }
  return { status: 200, headers: corsHeaders(grant, request), body: undefined };
}

function headerNames(list: string): string[] {
  return list
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** Adds what a page of another origin must be told to see an answer, good or bad. */
export function addCorsHeaders(
  cors: CORSConfiguration | undefined,
  { method, headers }: Pick<EdgeRequest, "method" | "headers">,
  response: HttpResponse,
): void {
  const { origin } = headers;
  if (cors === undefined || origin === undefined) return;
  const request = { origin, method, requestHeaders: [] };
  const grant = corsGrant(cors, request);
  Object.assign(response.headers, grant === undefined ? varyByOrigin : corsHeaders(grant, request));
}
