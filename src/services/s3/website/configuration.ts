/** Website configurations as they are set. Source: Amazon S3 API Reference, PutBucketWebsite. */
import type { RoutingRule, WebsiteConfiguration } from "../../../protocol/generated/s3.ts";
import { invalidArgument, invalidRequest, s3Error } from "../errors.ts";

const maxRules = 50;
const protocols: readonly (string | undefined)[] = [undefined, "http", "https"];

/** @throws AwsError MalformedXML, InvalidArgument, InvalidRequest */
export function checkedWebsite(configuration: WebsiteConfiguration): WebsiteConfiguration {
  const {
    IndexDocument: index,
    ErrorDocument: error,
    RedirectAllRequestsTo: all,
    RoutingRules: rules = [],
  } = configuration;
  if (all !== undefined) {
    if (index !== undefined || error !== undefined || rules.length > 0) throw s3Error("MalformedXML");
    checkHost(all.HostName);
    checkProtocol(all.Protocol);
    return { RedirectAllRequestsTo: all };
  }
  if (index === undefined) throw s3Error("MalformedXML");
  if (!index.Suffix || index.Suffix.includes("/")) {
    throw invalidArgument("IndexDocument", index.Suffix, "The IndexDocument Suffix is not well formed");
  }
  if (error !== undefined && !error.Key) {
    throw invalidArgument("ErrorDocument", error.Key, "The ErrorDocument Key is not well formed");
  }
  if (rules.length > maxRules) {
    throw invalidRequest(
      `${rules.length} routing rules provided, the number of routing rules in a website configuration is limited to ${maxRules}.`,
    );
  }
  for (const rule of rules) checkRule(rule);
  return configuration;
}

function checkRule({ Condition: condition, Redirect: redirect }: RoutingRule): void {
  if (redirect === undefined || Object.values(redirect).every((member) => member === undefined)) {
    throw s3Error("MalformedXML");
  }
  const { HttpRedirectCode: code, ReplaceKeyWith, ReplaceKeyPrefixWith, HostName, Protocol } = redirect;
  if (ReplaceKeyWith !== undefined && ReplaceKeyPrefixWith !== undefined) {
    throw invalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  }
  if (code !== undefined && !/^3(0[1-9]|[1-9]\d)$/.test(code)) {
    throw invalidRequest(`The provided HTTP redirect code (${code}) is not valid. Valid codes are 3XX except 300.`);
  }
  if (HostName !== undefined) checkHost(HostName);
  checkProtocol(Protocol);
  if (condition === undefined) return;
  const { HttpErrorCodeReturnedEquals: errorCode, KeyPrefixEquals } = condition;
  if (errorCode === undefined && KeyPrefixEquals === undefined) {
    throw invalidRequest(
      "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
    );
  }
  if (errorCode !== undefined && !/^[45]\d\d$/.test(errorCode)) {
    throw invalidRequest(`The provided HTTP error code (${errorCode}) is not valid. Valid codes are 4XX or 5XX.`);
  }
}

/** A host, perhaps with a port, perhaps (as AWS lets it) with a path: what can stand in a Location header. */
function checkHost(name: string): void {
  if (/^[\x21-\x7e]{1,1024}$/.test(name)) return;
  throw invalidArgument("HostName", name, "The HostName is not well formed");
}

function checkProtocol(protocol: string | undefined): void {
  if (protocols.includes(protocol)) return;
  throw invalidRequest(
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
  );
}
