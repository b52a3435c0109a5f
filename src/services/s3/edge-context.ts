/** Requests at the edge, seen as requests of the API: so that forms and websites go the way of everything else. */
import type { EdgeRequest, Principal, RequestContext } from "../../protocol/service.ts";
import { bucketOfApiHost, nameOfHost } from "./host-names.ts";

/** Whoever sends no signature. */
export const anybody: Principal = {
  kind: "anonymous",
  accountId: "anonymous",
  arn: "anonymous",
  userId: "anonymous",
  accessKeyId: "anonymous",
};

/** What a handler is told of a request that did not come by the API. */
export function contextOf(
  request: EdgeRequest,
  call: { readonly operation: string; readonly principal: Principal; readonly region: string },
  own: Partial<Pick<RequestContext, "headers" | "setStatus">> = {},
): RequestContext {
  const { requestId, clock, headers, baseUrl } = request;
  return {
    requestId,
    service: "s3",
    operation: call.operation,
    accountId: call.principal.accountId,
    region: call.region,
    principal: call.principal,
    clock,
    get signal() {
      return request.signal;
    },
    headers,
    baseUrl,
    setHeader: () => {},
    ...own,
    authorize: (...accesses) => request.authorize(call.principal, ...accesses),
  };
}

/** Bucket and, unless it is the bucket itself, key of a path; undefined where no bucket is named. */
export function placeOf({
  path,
  headers,
}: Pick<EdgeRequest, "path" | "headers">): { bucket: string; key: string } | undefined {
  const ofHost = bucketOfApiHost(nameOfHost(headers["host"] ?? ""));
  const [, first = "", rest = ""] = /^\/?([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const [bucket, key] = ofHost === undefined ? [first, rest] : [ofHost, path.replace(/^\//, "")];
  const name = decodedPath(bucket);
  return name === undefined || name === "" ? undefined : { bucket: name, key };
}

/** undefined for what is no percent-encoding of UTF-8. */
export function decodedPath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
