/** restJson1: REST bindings with a JSON body; the error's type is in the header `x-amzn-errortype`. */
import { jsonErrorBody } from "./errors.ts";
import type { CompiledService } from "../compiled-service.ts";
import type { Codec, Structure } from "./codec.ts";
import { JsonEncoders, jsonDecoders, parseJson } from "./json-values.ts";
import { restCodec } from "./rest.ts";

const contentType = "application/json";

/** @param service a service whose protocols include `rest-json` */
export function restJsonCodec(service: CompiledService): Codec {
  const decoders = jsonDecoders(service);
  const encoders = new JsonEncoders(service);
  return restCodec(service, {
    protocol: "rest-json",
    family: "json",
    contentType,
    malformedCode: "SerializationException",
    decodeMembers(shape, selects) {
      const decode = decoders.members(shape, selects);
      return (body) => decode(parseJson(body), 1) as Structure;
    },
    decodePayload(reference) {
      const decode = decoders.of(reference);
      return (body) => decode(parseJson(body), 1);
    },
    encodeMembers: (_operation, shape, selects) => encoders.members(shape, selects),
    encodePayload: (reference) => encoders.of(reference),
    events: {
      contentType,
      encode: (reference, selects) => encoders.members(service.shape(reference.shape), selects),
    },
    idHeaders: ({ requestId }) => ({ "x-amzn-requestid": requestId }),
    errorHeaders: ({ type }) => ({ "x-amzn-errortype": type }),
    encodeError: (error, _ids, selects) =>
      jsonErrorBody(error, (members) => encoders.members(error.shape!.model, selects)(members as never)),
  });
}
