/** Where a website sends its visitors: routing rules, redirects of all requests, and of single objects. */
import type { RedirectAllRequestsTo, RoutingRule } from "../../../protocol/generated/s3.ts";

/** What a visitor asked for. */
export interface Visit {
  /** Decoded, without the slash in front. */
  readonly key: string;
  /** Without `?`; empty when there is none. */
  readonly query: string;
  /** Host as the visitor sees it, with its port. */
  readonly host: string;
  /** Path in front of the keys: `/`, or that of a website without a host name of its own. */
  readonly base: string;
}

export interface Relocation {
  readonly status: number;
  readonly location: string;
}

/**
 * The first rule for a key, or for the error that came of it.
 * @param errorStatus absent before the object is looked for: then only rules that do not wait for an error count
 */
export function matchingRule(
  rules: readonly RoutingRule[] | undefined,
  key: string,
  errorStatus?: number,
): RoutingRule | undefined {
  return rules?.find(({ Condition: condition }) => {
    const { KeyPrefixEquals: prefix = "", HttpErrorCodeReturnedEquals: code } = condition ?? {};
    return key.startsWith(prefix) && code === (errorStatus === undefined ? undefined : String(errorStatus));
  });
}

/** Where a rule sends a visit. */
export function followRule({ Condition: condition, Redirect: redirect }: RoutingRule, visit: Visit): Relocation {
  const { HostName, HttpRedirectCode, Protocol, ReplaceKeyPrefixWith, ReplaceKeyWith } = redirect;
  const prefix = condition?.KeyPrefixEquals ?? "";
  const key =
    ReplaceKeyWith ??
    (ReplaceKeyPrefixWith === undefined ? visit.key : ReplaceKeyPrefixWith + visit.key.slice(prefix.length));
  return {
    status: Number(HttpRedirectCode ?? 301),
    location: locationOf(visit, { host: HostName, protocol: Protocol, key }),
  };
}

export function followAll({ HostName, Protocol }: RedirectAllRequestsTo, visit: Visit): Relocation {
  return { status: 301, location: locationOf(visit, { host: HostName, protocol: Protocol, key: visit.key }) };
}

function locationOf(
  visit: Visit,
  to: { readonly host: string | undefined; readonly protocol: string | undefined; readonly key: string },
): string {
  // Another host is not served by this process, so the path in front of our keys does not go along.
  const base = to.host === undefined ? visit.base : "/";
  const query = visit.query === "" ? "" : `?${visit.query}`;
  return `${to.protocol ?? "http"}://${to.host ?? visit.host}${base}${encodedKey(to.key)}${query}`;
}

/** Percent-encoded for a URL's path, slashes as they are. */
export function encodedKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}
