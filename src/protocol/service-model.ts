/** The public service descriptions (botocore's `service-2.json` form) as data; see service-models/ and NOTICE. */

export interface ServiceModel {
  readonly version: string;
  readonly metadata: ServiceMetadata;
  readonly operations: Readonly<Record<string, OperationModel>>;
  readonly shapes: Readonly<Record<string, ShapeModel>>;
}

export type ProtocolName = "json" | "rest-json" | "rest-xml" | "query" | "ec2" | "smithy-rpc-v2-cbor";

export interface ServiceMetadata {
  readonly apiVersion: string;
  readonly endpointPrefix: string;
  readonly jsonVersion?: string;
  readonly protocol: ProtocolName;
  readonly protocols?: readonly ProtocolName[];
  readonly serviceId: string;
  readonly serviceFullName?: string;
  readonly signingName?: string;
  readonly signatureVersion?: string;
  readonly targetPrefix?: string;
  readonly xmlNamespace?: string;
  readonly awsQueryCompatible?: Readonly<Record<string, unknown>>;
}

export interface OperationModel {
  readonly name: string;
  readonly http: { readonly method: string; readonly requestUri: string; readonly responseCode?: number };
  readonly input?: ShapeReference;
  readonly output?: ShapeReference;
  readonly errors?: readonly ShapeReference[];
  readonly authtype?: string;
  readonly httpChecksum?: Readonly<Record<string, unknown>>;
  readonly httpChecksumRequired?: boolean;
  readonly idempotent?: boolean;
  readonly deprecated?: boolean;
  /** Present when clients may compress the body, e.g. `{ encodings: ["gzip"] }`. */
  readonly requestcompression?: Readonly<Record<string, unknown>>;
}

/** A use of a shape: member of a structure, element of a list, key or value of a map. */
export interface ShapeReference {
  readonly shape: string;
  readonly location?: "uri" | "querystring" | "header" | "headers" | "statusCode";
  readonly locationName?: string;
  readonly queryName?: string;
  readonly timestampFormat?: "iso8601" | "rfc822" | "unixTimestamp";
  readonly flattened?: boolean;
  readonly xmlAttribute?: boolean;
  readonly xmlNamespace?: string | { readonly uri: string; readonly prefix?: string };
  readonly streaming?: boolean;
  readonly jsonvalue?: boolean;
  readonly idempotencyToken?: boolean;
  readonly resultWrapper?: string;
  readonly eventpayload?: boolean;
  readonly eventheader?: boolean;
  readonly hostLabel?: boolean;
  readonly box?: boolean;
}

export interface ShapeModel {
  readonly type:
    | "structure"
    | "list"
    | "map"
    | "string"
    | "character"
    | "integer"
    | "long"
    | "short"
    | "byte"
    | "float"
    | "double"
    | "bigdecimal"
    | "boolean"
    | "blob"
    | "timestamp";
  readonly members?: Readonly<Record<string, ShapeReference>>;
  readonly required?: readonly string[];
  readonly member?: ShapeReference;
  readonly key?: ShapeReference;
  readonly value?: ShapeReference;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  readonly flattened?: boolean;
  readonly locationName?: string;
  readonly payload?: string;
  readonly streaming?: boolean;
  readonly timestampFormat?: "iso8601" | "rfc822" | "unixTimestamp";
  readonly xmlNamespace?: string | { readonly uri: string; readonly prefix?: string };
  readonly xmlOrder?: readonly string[];
  readonly exception?: boolean;
  readonly fault?: boolean;
  readonly error?: { readonly code?: string; readonly httpStatusCode?: number; readonly senderFault?: boolean };
  readonly union?: boolean;
  readonly eventstream?: boolean;
  readonly event?: boolean;
  readonly document?: boolean;
  readonly sensitive?: boolean;
}
