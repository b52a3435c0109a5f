/** Protocols and endpoints of subscriptions. */
import { isIP } from "node:net";
import { parseArn } from "../../resources/arn.ts";
import { isForbiddenAddress } from "./delivery/forbidden-addresses.ts";
import { invalidParameter, noFifo, unsupported } from "./errors.ts";
import type { Protocol } from "./records.ts";

const maxEndpointLength = 2048;

/** What makes an endpoint one of its protocol. @throws AwsError InvalidParameter */
const checks: Readonly<Record<Protocol, (endpoint: string) => void>> = {
  http: (endpoint) => checkUrl(endpoint, "http:"),
  https: (endpoint) => checkUrl(endpoint, "https:"),
  email: checkAddress,
  "email-json": checkAddress,
  sqs: (endpoint) => {
    const arn = parseArn(endpoint);
    if (arn?.service !== "sqs" || arn.accountId === "" || arn.region === "") {
      throw invalidParameter("SQS endpoint ARN");
    }
    if (arn.resource.endsWith(".fifo")) throw unsupported("Endpoint: a FIFO queue", noFifo);
  },
};

const elsewhere: Readonly<Record<string, string>> = {
  sms: "it sends no text messages; subscribe an http endpoint or email, which is delivered as files",
  lambda: "topics call no functions; subscribe an http endpoint",
  firehose: "there are no delivery streams; subscribe a queue",
  application: "it sends no mobile notifications; subscribe an http endpoint",
};

/** @throws AwsError InvalidParameter */
export function checkedEndpoint(
  protocol: string,
  endpoint: string | undefined,
): { protocol: Protocol; endpoint: string } {
  if (Object.hasOwn(elsewhere, protocol)) throw unsupported(`Protocol ${protocol}`, elsewhere[protocol]);
  if (!Object.hasOwn(checks, protocol)) {
    throw invalidParameter(`Amazon SNS does not support this protocol string: ${protocol}`);
  }
  if (endpoint === undefined || endpoint === "" || endpoint.length > maxEndpointLength)
    throw invalidParameter("Endpoint");
  checks[protocol as Protocol](endpoint);
  return { protocol: protocol as Protocol, endpoint };
}

function checkUrl(endpoint: string, scheme: "http:" | "https:"): void {
  if (!endpoint.toLowerCase().startsWith(`${scheme}//`)) {
    throw invalidParameter("Endpoint must match the specified protocol");
  }
  if (!URL.canParse(endpoint) || /[\s\p{Cc}]/u.test(endpoint)) throw invalidParameter("Endpoint");
  const host = new URL(endpoint).hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0 && isForbiddenAddress(host)) {
    throw invalidParameter(`Endpoint: nothing is delivered to the link-local address ${host}`);
  }
}

function checkAddress(endpoint: string): void {
  if (!/^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}$/.test(endpoint)) {
    throw invalidParameter("Email address");
  }
}
