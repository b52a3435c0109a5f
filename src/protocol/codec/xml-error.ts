/** Errors in XML, the same for query and REST XML services; S3 leaves the wrapper out. */
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeReference } from "../service-model.ts";
import type { Structure } from "./codec.ts";
import type { ResolvedError } from "./errors.ts";
import { escapeXml, namespaceAttribute, xmlElement, type XmlEncoders } from "./xml-values.ts";

export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** Whether AWS gives the member a place of its own in every error: `Code`, `Message`, `Type`. */
const isCommon = (name: string): boolean => /^(code|message|type)$/i.test(name);

function messageElement(members: Structure): string {
  const name = Object.keys(members).find((key) => key.toLowerCase() === "message");
  return name === undefined ? "" : xmlElement("Message", escapeXml(String(members[name])));
}

/** `Code` and `Message`, and what further members the error has. */
export function errorContent(
  error: ResolvedError,
  encoders: XmlEncoders,
  selects: (reference: ShapeReference) => boolean,
): string {
  const { shape, members } = error;
  const others = Object.fromEntries(Object.entries(members).filter(([name]) => !isCommon(name)));
  const modelled = shape === undefined ? "" : encoders.members(shape.model, selects)(others as never);
  // Facts that the description does not list, such as S3's Key and BucketName, are text.
  const unmodelled = Object.entries(others)
    .filter(([name, value]) => value !== undefined && !Object.hasOwn(shape?.model.members ?? {}, name))
    .map(([name, value]) => xmlElement(name, escapeXml(String(value))))
    .join("");
  return xmlElement("Code", escapeXml(error.code)) + messageElement(members) + modelled + unmodelled;
}

/** `<ErrorResponse><Error><Type>Sender</Type>…</Error><RequestId>…</RequestId></ErrorResponse>` */
export function wrappedError(
  service: CompiledService,
  error: ResolvedError,
  content: string,
  requestId: string,
): string {
  const inner = xmlElement("Error", xmlElement("Type", error.fault) + content);
  return xmlElement(
    "ErrorResponse",
    inner + xmlElement("RequestId", escapeXml(requestId)),
    namespaceAttribute(service.model.metadata.xmlNamespace),
  );
}
