/** Serves the model files of a directory: one model, or several that vote or are averaged. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ClientError, InferenceError, type InferenceResult, type LoadedModel } from "../algorithm.ts";
import type { FeatureMatrix } from "./dataset.ts";
import { readModelFile } from "./model-file/index.ts";
import { Predictor } from "./predictor.ts";
import { readRequest } from "./request.ts";
import { acceptedType, plainResponse, selectedKeys, selectedResponse, type Predictions } from "./response.ts";

/**
 * Loads every model file of a directory; names that start with a dot are skipped.
 *
 * @param environment SAGEMAKER_INFERENCE_OUTPUT selects what is answered, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT how,
 *   SAGEMAKER_INFERENCE_ENSEMBLE=false uses only the first file
 * @throws ClientError when there is no model, a file is none, or files do not go together
 */
export async function loadModel(
  modelDirectory: string,
  environment: Readonly<Record<string, string>>,
): Promise<LoadedModel> {
  const entries = await readdir(modelDirectory, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
  if (names.length === 0)
    throw new ClientError("The model archive has no model file; xgboost-model is expected at its root.");
  const used = environment.SAGEMAKER_INFERENCE_ENSEMBLE === "false" ? names.slice(0, 1) : names;
  const predictors: Predictor[] = [];
  for (const name of used) {
    const predictor = new Predictor(await readModelFile(join(modelDirectory, name)));
    const [first] = predictors;
    if (first !== undefined && (first.objective !== predictor.objective || first.nGroups !== predictor.nGroups)) {
      throw new ClientError(
        `The model files ${used[0]} (${first.objective.name}) and ${name} (${predictor.objective.name}) cannot answer together: objective and number of classes must agree.`,
      );
    }
    predictors.push(predictor);
  }
  return new XgboostModel(predictors, environment);
}

class XgboostModel implements LoadedModel {
  readonly #predictors: readonly Predictor[];
  readonly #standardAccept: string;
  readonly #selectedKeys: readonly string[] | undefined;

  constructor(predictors: readonly Predictor[], environment: Readonly<Record<string, string>>) {
    this.#predictors = predictors;
    this.#standardAccept = environment.SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT ?? "text/csv";
    const output = environment.SAGEMAKER_INFERENCE_OUTPUT;
    this.#selectedKeys = output === undefined ? undefined : selectedKeys(output);
  }

  predict(body: Uint8Array, contentType: string, accept: string): InferenceResult {
    if (body.length === 0) return { body: "", contentType: "text/html; charset=utf-8", status: 204 };
    const predictions = this.#evaluate(readRequest(body, contentType));
    const type = acceptedType(accept, this.#standardAccept);
    if (this.#selectedKeys === undefined) return plainResponse(predictions, type);
    return selectedResponse(predictions, this.#selectedKeys, type);
  }

  #evaluate(features: FeatureMatrix): Predictions {
    const [{ objective, nGroups, nFeatures }] = this.#predictors;
    try {
      const each = this.#predictors.map((predictor) => predictor.outputs(features));
      const outputs = each.length === 1 ? each[0] : objective.transform === "argmax" ? majority(each) : average(each);
      return { objective, outputs, width: objective.transform === "softmax" ? nGroups : 1, nGroups };
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      const hint =
        features.kind === "sparse"
          ? `libsvm indices count from 0, so they must be < ${nFeatures}`
          : "a request has no label column";
      throw new InferenceError(400, `Unable to evaluate payload provided: ${cause.message}; ${hint}.`, { cause });
    }
  }
}

function average(each: readonly Float32Array[]): Float32Array {
  return each[0].map((_, at) => each.reduce((sum, outputs) => Math.fround(sum + outputs[at]), 0) / each.length);
}

/** The class that most models answer; the smallest one wins a tie. */
function majority(each: readonly Float32Array[]): Float32Array {
  return each[0].map((_, at) => {
    const votes = new Map<number, number>();
    for (const outputs of each) votes.set(outputs[at], (votes.get(outputs[at]) ?? 0) + 1);
    return [...votes].sort(([a, votesOfA], [b, votesOfB]) => votesOfB - votesOfA || a - b)[0][0];
  });
}
