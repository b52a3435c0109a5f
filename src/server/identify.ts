/**
 * Which service and protocol a request speaks, from its head alone.
 *
 * In this order: `X-Amz-Target`, the CBOR path, the service in the credential scope, `Action=`, the routes of the REST
 * services, and S3 for everything else, as the only service whose paths are the user's own.
 */
import type { Codec, RequestHead } from "../protocol/codec/codec.ts";
import { createCodec } from "../protocol/codec/index.ts";
import { serviceIndex } from "../protocol/generated/service-index.ts";
import { hasFormerQueryNames } from "../protocol/query-names.ts";
import type { ProtocolName } from "../protocol/service-model.ts";
import { loadServiceModel } from "../protocol/service-models.ts";

export interface IdentifiedService {
  /** Name of the description, e.g. `sagemaker-runtime`. */
  readonly description: string;
  /** The service's name in credential scopes. */
  readonly signingName: string;
  readonly codec: Codec;
}

interface IndexEntry {
  readonly description: string;
  readonly signingName: string;
  readonly targetPrefix: string | undefined;
  readonly protocols: readonly ProtocolName[];
}

const restProtocols: ReadonlySet<ProtocolName> = new Set(["rest-json", "rest-xml"]);

export class ServiceIdentifier {
  readonly #entries: readonly IndexEntry[];
  readonly #byTarget = new Map<string, IndexEntry>();
  readonly #bySigningName = new Map<string, IndexEntry[]>();
  readonly #codecs = new Map<string, Codec>();
  readonly #anonymous: ReadonlySet<string>;

  /**
   * @param descriptions names of the descriptions that this server mounts or knows
   * @param anonymous those of them that take requests without a signature
   */
  constructor(descriptions: readonly string[], anonymous: ReadonlySet<string> = new Set()) {
    this.#anonymous = anonymous;
    this.#entries = descriptions.map((description) => {
      const { endpointPrefix, signingName, targetPrefix, protocols } = serviceIndex[description];
      return {
        description,
        signingName: signingName ?? endpointPrefix,
        targetPrefix,
        protocols: hasFormerQueryNames(description) ? [...protocols, "query"] : protocols,
      };
    });
    for (const entry of this.#entries) {
      if (entry.targetPrefix !== undefined) this.#byTarget.set(entry.targetPrefix, entry);
      this.#bySigningName.set(entry.signingName, [...(this.#bySigningName.get(entry.signingName) ?? []), entry]);
    }
  }

  /**
   * @param signingName service of the credential scope; undefined for an unsigned request
   * @returns undefined when no service of ours is meant
   */
  identify(head: RequestHead, signingName: string | undefined): IdentifiedService | undefined {
    const target = head.headers["x-amz-target"];
    if (target !== undefined) {
      const entry = this.#byTarget.get(target.slice(0, target.lastIndexOf(".")));
      if (entry === undefined) return undefined;
      return this.#speak(entry, "json");
    }
    const cbor = /^\/service\/([^/]+)\/operation\/[^/]+$/.exec(head.path);
    if (cbor !== null && head.headers["smithy-protocol"] === "rpc-v2-cbor") {
      const entry = this.#byTarget.get(cbor[1]);
      return entry === undefined ? undefined : this.#speak(entry, "smithy-rpc-v2-cbor");
    }
    const signed = signingName === undefined ? undefined : this.#bySigningName.get(signingName);
    // The action of a form stands in its body, which is not read yet.
    if (signed !== undefined)
      return this.#among(signed, head) ?? this.#speak(signed[0], isForm(head) ? "query" : signed[0].protocols[0]);
    if (signingName !== undefined) return undefined;
    // Unsigned: form posts belong to a query service, known routes to their service, everything else to S3.
    if (isForm(head)) {
      const query = this.#entries.filter(({ protocols }) => protocols.includes("query"));
      // An action that stands in the body is not known here; a service that asks for a signature says that it is missing.
      const strict = query.find(({ description }) => !this.#anonymous.has(description)) ?? query[0];
      return this.#among(query, head) ?? (strict && this.#speak(strict, "query"));
    }
    const rest = this.#entries.filter(
      ({ description, protocols }) => description !== "s3" && protocols.includes("rest-json"),
    );
    const s3 = this.#entries.find(({ description }) => description === "s3");
    return this.#among(rest, head) ?? (s3 && this.#speak(s3, "rest-xml"));
  }

  /** The one of several services whose protocol and routes fit the request. */
  #among(entries: readonly IndexEntry[], head: RequestHead): IdentifiedService | undefined {
    for (const entry of entries) {
      const protocol = isForm(head) ? "query" : entry.protocols.find((name) => restProtocols.has(name));
      if (protocol === undefined || !entry.protocols.includes(protocol)) continue;
      const service = this.#speak(entry, protocol);
      if (protocol === "rest-xml" || service.codec.resolveOperation(head) !== undefined) return service;
    }
    return undefined;
  }

  #speak(entry: IndexEntry, protocol: ProtocolName): IdentifiedService {
    const known = entry.protocols.includes(protocol) ? protocol : entry.protocols[0];
    const key = `${entry.description} ${known}`;
    let codec = this.#codecs.get(key);
    if (codec === undefined) {
      codec = createCodec(loadServiceModel(entry.description), known);
      this.#codecs.set(key, codec);
    }
    return { description: entry.description, signingName: entry.signingName, codec };
  }
}

function isForm(head: RequestHead): boolean {
  return (
    (head.method === "POST" && (head.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded")) ||
    (head.path === "/" && /(^|&)Action=/.test(head.query))
  );
}
