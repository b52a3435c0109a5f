/**
 * HTTP and HTTPS endpoints: one POST per try.
 *
 * The address is looked at when the connection is made, so a name that changes its mind between check and use gains
 * nothing. Redirects are not followed, answers are read up to a bound and dropped, and a try ends after 15 s.
 */
import { lookup } from "node:dns";
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { subscriptionArn } from "../names.ts";
import type { MessageBody } from "../records.ts";
import type { Signer } from "../signing.ts";
import { defaultContentType, httpDeliveryPolicy, type HttpDeliveryPolicy } from "./delivery-policy.ts";
import { envelope } from "./envelope.ts";
import { isForbiddenAddress } from "./forbidden-addresses.ts";
import { DeliveryFailed, textFor, type Outgoing, type Sender } from "./sender.ts";
import type { RetryPolicy } from "./retry-policy.ts";

/** Source: Amazon SNS Developer Guide: an endpoint has 15 seconds to answer. */
const timeoutMs = 15_000;
/** Bytes of an answer that are waited for. */
const maxAnswer = 64 * 1024;

export interface HttpSenderOptions {
  readonly signer: Signer;
  readonly baseUrl: () => string;
}

export class HttpSender implements Sender {
  readonly #options: HttpSenderOptions;
  // Endpoints that get many messages keep their connection for a while.
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true, maxFreeSockets: 8, timeout: timeoutMs }),
    https: new HttpsAgent({ keepAlive: true, maxFreeSockets: 8, timeout: timeoutMs }),
  };

  constructor(options: HttpSenderOptions) {
    this.#options = options;
  }

  retryPolicy(outgoing: Outgoing): RetryPolicy {
    return policyOf(outgoing).retry;
  }

  rate(outgoing: Outgoing): number | undefined {
    return policyOf(outgoing).maxReceivesPerSecond;
  }

  async send(outgoing: Outgoing, signal: AbortSignal): Promise<void> {
    const { message } = outgoing;
    const raw = outgoing.attributes.RawMessageDelivery === "true" && message.type === "Notification";
    const text = textFor(message, outgoing.protocol);
    const body = raw ? text : JSON.stringify(await this.#envelope(outgoing, text), null, 2);
    const contentType = message.type === "Notification" ? policyOf(outgoing).contentType : defaultContentType;
    const headers = headersOf(outgoing, message, contentType, raw);
    const status = await this.#post(outgoing.endpoint, body, headers, signal);
    if (status >= 200 && status < 300) return;
    const permanent = !(status >= 500 || status === 429 || status < 200);
    throw new DeliveryFailed(String(status), `The endpoint answered with status ${status}`, { permanent });
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #envelope({ message, messageId, subscription }: Outgoing, text: string): Promise<Record<string, unknown>> {
    const { signer, baseUrl } = this.#options;
    return envelope({ message, messageId, subscription, text, baseUrl: baseUrl(), signer });
  }

  /** @returns the status of the answer. @throws DeliveryFailed */
  async #post(
    endpoint: string,
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<number> {
    const url = new URL(endpoint);
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    // Node looks up names only: an address in the URL is checked here.
    if (isIP(host) !== 0 && isForbiddenAddress(host)) throw forbiddenAddress(host);
    const secure = url.protocol === "https:";
    const options = {
      method: "POST",
      headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
      lookup: allowedLookup,
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]),
      ...(url.username === "" && url.password === ""
        ? {}
        : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
    };
    // Credentials are given as options; left in the URL, they would be given twice.
    url.username = "";
    url.password = "";
    const request = secure
      ? httpsRequest(url, { ...options, agent: this.#agents.https })
      : httpRequest(url, { ...options, agent: this.#agents.http });
    return answerOf(request, body);
  }
}

function policyOf({ attributes, topicDeliveryPolicy }: Outgoing): HttpDeliveryPolicy {
  return httpDeliveryPolicy(topicDeliveryPolicy, attributes.DeliveryPolicy);
}

function headersOf(
  { messageId, subscription }: Outgoing,
  { type, topicArn }: MessageBody,
  contentType: string,
  raw: boolean,
): Record<string, string> {
  return {
    "content-type": contentType,
    "user-agent": "Amazon Simple Notification Service Agent",
    "x-amz-sns-message-type": type,
    "x-amz-sns-message-id": messageId,
    "x-amz-sns-topic-arn": topicArn,
    ...(type === "SubscriptionConfirmation" ? {} : { "x-amz-sns-subscription-arn": subscriptionArn(subscription) }),
    ...(raw ? { "x-amz-sns-rawdelivery": "true" } : {}),
  };
}

function answerOf(request: ClientRequest, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { code?: string }) => {
      if (error instanceof DeliveryFailed) reject(error);
      else {
        const code = error.name === "AbortError" || error.name === "TimeoutError" ? "TIMEOUT" : (error.code ?? "ERROR");
        const why = code === "TIMEOUT" ? `no answer within ${timeoutMs / 1000} s` : error.message;
        reject(new DeliveryFailed(code, `The endpoint was not reached: ${why}`, { permanent: false, cause: error }));
      }
    };
    request.on("error", fail);
    request.on("response", (response: IncomingMessage) => {
      let received = 0;
      response.on("data", (chunk: Buffer) => {
        received += chunk.length;
        // The status says all; who goes on talking is hung up on.
        if (received > maxAnswer) response.destroy();
      });
      response.on("error", fail);
      response.on("close", () => resolve(response.statusCode ?? 0));
    });
    request.end(body);
  });
}

/** Looks names up and refuses those that lead to a forbidden address. */
const allowedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const bad = error === null ? addresses.find(({ address }) => isForbiddenAddress(address)) : undefined;
    const problem = error ?? (bad === undefined ? null : forbiddenAddress(bad.address));
    if (problem !== null) callback(problem, "", 0);
    else if (options.all === true) callback(null, addresses);
    else callback(null, addresses[0].address, addresses[0].family);
  });
};

function forbiddenAddress(address: string): DeliveryFailed {
  return new DeliveryFailed("FORBIDDEN_ADDRESS", `Nothing is delivered to ${address}: it is a link-local address`, {
    permanent: true,
  });
}
