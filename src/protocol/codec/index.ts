/** The codecs by protocol. */
import type { CompiledService } from "../compiled-service.ts";
import { hasFormerQueryNames, withQueryNames } from "../query-names.ts";
import type { ProtocolName } from "../service-model.ts";
import type { Codec } from "./codec.ts";
import { jsonRpcCodec } from "./json-rpc.ts";
import { queryCodec } from "./query.ts";
import { restJsonCodec } from "./rest-json.ts";
import { restXmlCodec } from "./rest-xml.ts";
import { rpcV2CborCodec } from "./rpc-v2-cbor.ts";

const codecs: Readonly<Record<Exclude<ProtocolName, "ec2">, (service: CompiledService) => Codec>> = {
  json: jsonRpcCodec,
  "rest-json": restJsonCodec,
  "rest-xml": restXmlCodec,
  query: queryCodec,
  "smithy-rpc-v2-cbor": rpcV2CborCodec,
};

/**
 * The codec of a service for one of its protocols. Keep it: what it compiles belongs to it.
 *
 * @throws Error for a protocol that the service does not speak, and for `ec2`, which is not served
 */
export function createCodec(service: CompiledService, protocol: ProtocolName): Codec {
  if (protocol === "ec2") throw new Error("the ec2 protocol is not served");
  if (protocol === "query" && hasFormerQueryNames(service.name)) return queryCodec(withQueryNames(service));
  if (!service.protocols.includes(protocol))
    throw new Error(`${service.name} does not speak ${protocol}, only ${service.protocols.join(", ")}`);
  return codecs[protocol](service);
}
