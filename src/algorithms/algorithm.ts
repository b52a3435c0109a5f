/**
 * A built-in algorithm, as its container would be: it sees directories, hyperparameters and request bodies, never
 * the server. Every algorithm folder exports one `Algorithm`; `registry.ts` maps image URIs to it.
 */

/** One declaration per hyperparameter gives validation, the manual and the Studio form. */
export interface HyperparameterDefinition {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly type: "integer" | "float" | "boolean" | "enum" | "list" | "string";
  /** Inclusive unless `exclusiveMin` / `exclusiveMax`. */
  readonly min?: number;
  readonly max?: number;
  readonly exclusiveMin?: boolean;
  readonly exclusiveMax?: boolean;
  readonly values?: readonly string[];
  readonly required?: boolean;
  readonly default?: string;
  readonly description: string;
  /** Present when SageMaker knows the parameter (or these values of it) and Sagebrush refuses it by name. */
  readonly refused?: { readonly values?: readonly string[]; readonly because: string };
}

export interface ChannelDefinition {
  readonly name: string;
  readonly required: boolean;
  readonly contentTypes: readonly string[];
  readonly inputModes: readonly ("File" | "Pipe" | "FastFile")[];
}

export interface MetricDefinition {
  readonly name: string;
  /** JavaScript regular expression source; the first group is the number. */
  readonly regex: string;
}

/** What the caller asked for, before the job starts. */
export interface TrainingRequestFacts {
  readonly hyperparameters: Readonly<Record<string, string>>;
  readonly channels: Readonly<Record<string, { readonly contentType?: string; readonly inputMode: string }>>;
  readonly imageTag: string;
  readonly instanceCount: number;
}

/** The training container's view: directories of the `/opt/ml` contract and a log. */
export interface TrainingContext {
  readonly imageTag: string;
  readonly hyperparameters: Readonly<Record<string, string>>;
  readonly channels: Readonly<Record<string, { readonly directory: string; readonly contentType?: string }>>;
  readonly modelDirectory: string;
  readonly outputDataDirectory: string;
  readonly checkpointDirectory?: string;
  readonly hosts: readonly string[];
  readonly currentHost: string;
  /** Threads this host may use. */
  readonly threads: number;
  /** One line on standard output. */
  log(line: string): void;
  /** Aborts on SIGTERM: save what there is and return. */
  readonly signal: AbortSignal;
}

/** A model in memory that answers requests. */
export interface LoadedModel {
  /**
   * @throws UnsupportedMediaType (415), NotAcceptable (406), BadRequest (400)
   */
  predict(body: Uint8Array, contentType: string, accept: string): InferenceResult | Promise<InferenceResult>;
}

export interface InferenceResult {
  readonly body: Uint8Array | string;
  readonly contentType: string;
  /** 204 answers an empty request with an empty body; absent means 200. */
  readonly status?: 204;
}

export interface Algorithm {
  /** Kebab-case, the name of its folder. */
  readonly name: string;
  readonly title: string;
  readonly hyperparameters: readonly HyperparameterDefinition[];
  readonly channels: readonly ChannelDefinition[];
  /** Image tags whose artifact format we write and read; others are refused by name. */
  readonly imageTags: readonly string[];
  /** What the service looks for in the log of every job of the algorithm: names as in CloudWatch. */
  readonly metricDefinitions: readonly MetricDefinition[];
  /** Every problem of the request in people's words; an empty list means it may start. */
  validate(request: TrainingRequestFacts): readonly string[];
  train(context: TrainingContext): Promise<void>;
  /** @param environment the model's `Environment`, e.g. SAGEMAKER_INFERENCE_OUTPUT */
  load(modelDirectory: string, environment: Readonly<Record<string, string>>): Promise<LoadedModel>;
}

/** The user's data or parameters are wrong: FailureReason starts `ClientError:`; trying again does not help. */
export class ClientError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ClientError";
  }
}

/** A request that the model cannot answer; `status` is what the container would answer. */
export class InferenceError extends Error {
  readonly status: 400 | 406 | 415 | 500;
  constructor(status: 400 | 406 | 415 | 500, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "InferenceError";
    this.status = status;
  }
}
