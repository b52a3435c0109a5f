/** awsQuery: a form with `Action` and dotted parameters in, XML out. */
import type { AwsError } from "../aws-error.ts";
import type { CompiledOperation, CompiledService } from "../compiled-service.ts";
import type { HttpRequest, HttpResponse } from "../http-message.ts";
import { wholeBody } from "./body.ts";
import type { Codec, RequestHead, ResponseIds, Structure } from "./codec.ts";
import { compileOnce } from "./compile-once.ts";
import { resolveError } from "./errors.ts";
import { FormDecoders, parseForm, type FormNode } from "./form-reader.ts";
import { malformedAs } from "./malformed.ts";
import { utf8Text } from "./rest.ts";
import { errorContent, wrappedError, xmlDeclaration } from "./xml-error.ts";
import { escapeXml, namespaceAttribute, xmlElement, XmlEncoders } from "./xml-values.ts";

const contentType = "text/xml";
const malformedCode = "MalformedInput";

type ResponseEncoder = (output: Structure, metadata: string) => string;

/** @param service a service whose protocols include `query` */
export function queryCodec(service: CompiledService): Codec {
  return new QueryCodec(service);
}

class QueryCodec implements Codec {
  readonly protocol = "query";
  readonly #service: CompiledService;
  readonly #decoders: FormDecoders;
  readonly #encoders: XmlEncoders;
  readonly #inputs = new Map<CompiledOperation, (form: FormNode) => unknown>();
  readonly #outputs = new Map<CompiledOperation, ResponseEncoder>();
  // Resolving and decoding both need the form of the same body.
  readonly #forms = new WeakMap<Uint8Array, FormNode>();

  constructor(service: CompiledService) {
    this.#service = service;
    this.#decoders = new FormDecoders(service);
    this.#encoders = new XmlEncoders(service, { shapeNamespaces: false });
  }

  resolveOperation(head: RequestHead): CompiledOperation | undefined {
    const action = malformedAs(malformedCode, () => {
      const inBody = head.body instanceof Uint8Array ? this.#form(head.body).children.get("Action") : undefined;
      return (inBody ?? parseForm(head.query).children.get("Action"))?.value;
    });
    return action === undefined ? undefined : this.#service.operation(action);
  }

  decode(operation: CompiledOperation, request: HttpRequest): Structure {
    return malformedAs(malformedCode, () => {
      const body = wholeBody(operation, request);
      const form = body.byteLength === 0 ? parseForm(request.query) : this.#form(body);
      return this.#input(operation)(form) as Structure;
    });
  }

  encode(operation: CompiledOperation, output: Structure | undefined, ids: ResponseIds): HttpResponse {
    const metadata = xmlElement("ResponseMetadata", xmlElement("RequestId", escapeXml(ids.requestId)));
    return {
      status: 200,
      headers: { "content-type": contentType, "x-amzn-requestid": ids.requestId },
      body: this.#output(operation)(output ?? {}, metadata),
    };
  }

  encodeError(_operation: CompiledOperation | undefined, error: AwsError, ids: ResponseIds): HttpResponse {
    const resolved = resolveError(this.#service, error, "xml");
    const content = errorContent(resolved, this.#encoders, () => true);
    return {
      status: resolved.status,
      headers: { "content-type": contentType, "x-amzn-requestid": ids.requestId, ...error.headers },
      body: xmlDeclaration + wrappedError(this.#service, resolved, content, ids.requestId),
    };
  }

  #form(body: Uint8Array): FormNode {
    let form = this.#forms.get(body);
    if (form === undefined) {
      form = parseForm(utf8Text(body));
      this.#forms.set(body, form);
    }
    return form;
  }

  #input(operation: CompiledOperation): (form: FormNode) => unknown {
    const { input } = operation.model;
    return compileOnce(this.#inputs, operation, () => (input === undefined ? () => ({}) : this.#decoders.of(input)));
  }

  #output(operation: CompiledOperation): ResponseEncoder {
    return compileOnce(this.#outputs, operation, () => {
      const { output } = operation.model;
      const namespace = namespaceAttribute(this.#service.model.metadata.xmlNamespace);
      const encode = output === undefined ? () => "" : this.#encoders.of(output);
      const wrapper = output === undefined ? undefined : (output.resultWrapper ?? `${operation.name}Result`);
      return (structure, metadata) => {
        const content = encode(structure as never);
        const result = wrapper === undefined ? "" : xmlElement(wrapper, content);
        return xmlElement(`${operation.name}Response`, result + metadata, namespace);
      };
    });
  }
}
