/** restXml: REST bindings with an XML body; with S3's dialect where the description is S3's. */
import type { CompiledService } from "../compiled-service.ts";
import type { Codec } from "./codec.ts";
import { restCodec, utf8Text } from "./rest.ts";
import { s3Namespace, s3RootElement, s3Timestamp, s3UnwrappedMember, speaksS3 } from "./s3-dialect.ts";
import { errorContent, wrappedError, xmlDeclaration } from "./xml-error.ts";
import { readXml } from "./xml-reader.ts";
import { escapeXml, namespaceAttribute, xmlElement, XmlDecoders, XmlEncoders } from "./xml-values.ts";

const contentType = "application/xml";

/** @param service a service whose protocols include `rest-xml` */
export function restXmlCodec(service: CompiledService): Codec {
  const s3 = speaksS3(service);
  const decoders = new XmlDecoders(service);
  const encoders = new XmlEncoders(service, { timestamp: s3 ? s3Timestamp : undefined, shapeNamespaces: true });
  const rootNamespace = namespaceAttribute(s3 ? s3Namespace : service.model.metadata.xmlNamespace);
  return restCodec(service, {
    protocol: "rest-xml",
    family: "xml",
    contentType,
    malformedCode: s3 ? "MalformedXML" : "MalformedInput",
    decodeMembers(shape, selects) {
      const decode = decoders.members(shape, selects);
      return (body) => (body.byteLength === 0 ? {} : decode(readXml(utf8Text(body))));
    },
    decodePayload(reference) {
      const decode = decoders.of(reference);
      return (body) => decode(readXml(utf8Text(body)));
    },
    encodeMembers(operation, shape, selects) {
      const output = operation.model.output!;
      if (!Object.values(shape.members ?? {}).some(selects)) return undefined;
      const encode = encoders.members(shape, selects);
      const unwrapped = s3 ? s3UnwrappedMember(operation) : undefined;
      if (unwrapped !== undefined) {
        return (structure: Readonly<Record<string, string | undefined>>) =>
          xmlDeclaration + xmlElement(unwrapped, escapeXml(structure[unwrapped] ?? ""), rootNamespace);
      }
      const ownName = output.locationName ?? shape.locationName ?? output.shape;
      const name = s3 ? s3RootElement(operation, ownName) : ownName;
      const namespace = namespaceAttribute(output.xmlNamespace ?? shape.xmlNamespace) || rootNamespace;
      return (structure) => xmlDeclaration + xmlElement(name, encode(structure), namespace);
    },
    encodePayload(reference) {
      const shape = service.shape(reference.shape);
      const name = reference.locationName ?? shape.locationName ?? reference.shape;
      const hasNamespace = reference.xmlNamespace !== undefined || shape.xmlNamespace !== undefined;
      const encode = encoders.element(name, reference, hasNamespace ? "" : rootNamespace);
      return (value) => xmlDeclaration + encode(value);
    },
    events: {
      contentType: "text/xml",
      encode(reference, selects) {
        const encode = encoders.members(service.shape(reference.shape), selects);
        return (value) => xmlElement(reference.locationName ?? reference.shape, encode(value), rootNamespace);
      },
    },
    idHeaders({ requestId, hostId }): Record<string, string> {
      if (!s3) return { "x-amzn-requestid": requestId };
      return hostId === undefined
        ? { "x-amz-request-id": requestId }
        : { "x-amz-request-id": requestId, "x-amz-id-2": hostId };
    },
    errorHeaders: () => ({}),
    encodeError(error, { requestId, hostId }, selects) {
      const content = errorContent(error, encoders, selects);
      if (!s3) return xmlDeclaration + wrappedError(service, error, content, requestId);
      const ids =
        xmlElement("RequestId", escapeXml(requestId)) +
        (hostId === undefined ? "" : xmlElement("HostId", escapeXml(hostId)));
      return xmlDeclaration + xmlElement("Error", content + ids);
    },
  });
}
