/** What a model answers, in the forms of the SageMaker XGBoost container. */
import { InferenceError, type InferenceResult } from "../algorithm.ts";
import type { Objective } from "./objectives.ts";
import { pythonFloat, pythonJsonFloat } from "./python-text.ts";

export type AcceptedType = "text/csv" | "application/json" | "application/jsonlines";

const acceptedTypes: readonly AcceptedType[] = ["text/csv", "application/json", "application/jsonlines"];

/**
 * The type to answer with.
 *
 * @param standard is used for a missing header and for one that accepts anything
 * @throws InferenceError 406
 */
export function acceptedType(accept: string, standard: string): AcceptedType {
  const wanted = accept.split(";")[0].trim().toLowerCase();
  const type = wanted === "" || wanted === "*/*" ? standard.toLowerCase() : wanted;
  const found = acceptedTypes.find((candidate) => candidate === type);
  if (found !== undefined) return found;
  const listed = acceptedTypes.map((candidate) => `'${candidate}'`).join(", ");
  throw new InferenceError(
    406,
    `Accept type ${type.slice(0, 100)} is not supported. Please use supported accept types: [${listed}].`,
  );
}

/** Predictions of all rows. */
export interface Predictions {
  readonly objective: Objective;
  /** shape (nRows, width), row-major */
  readonly outputs: Float32Array;
  /** Number of classes for multi:softprob, else 1 */
  readonly width: number;
  readonly nGroups: number;
}

/** The plain answer: one prediction per row. */
export function plainResponse(predictions: Predictions, type: AcceptedType): InferenceResult {
  const rows = rowsOf(predictions);
  if (type === "text/csv") return csv(rows.map((row) => row.map(pythonFloat).join(",")).join("\n") + "\n");
  const scores = rows.map((row) => {
    const values = row.map(pythonJsonFloat);
    return `{"score":${predictions.width === 1 ? values[0] : `[${values.join(",")}]`}}`;
  });
  return json(scores, type);
}

/** A value of the selectable answer: one number or a list of them; whole numbers are labels. */
type Cell = { readonly kind: "whole" | "float"; readonly value: number | readonly number[] };

const nothing: Cell = { kind: "float", value: NaN };

/** What each key of `SAGEMAKER_INFERENCE_OUTPUT` selects, in the order of the JSON answer. */
const selections: Readonly<Record<string, (row: readonly number[], predictions: Predictions) => Cell>> = {
  predicted_label: (row, { objective }) => {
    if (objective.name === "binary:logistic") return { kind: "whole", value: Number(row[0] > 0.5) };
    if (objective.name === "multi:softmax") return { kind: "float", value: row[0] };
    return { kind: "whole", value: row.indexOf(Math.max(...row)) };
  },
  labels: (_row, { objective, nGroups }) => ({
    kind: "whole",
    value: Array.from({ length: objective.task === "binary" ? 2 : nGroups }, (_, label) => label),
  }),
  probability: (row) => ({ kind: "float", value: Math.max(...row) }),
  probabilities: (row) => ({ kind: "float", value: row.length > 1 ? row : [1 - row[0], row[0]] }),
  raw_score: (row) => ({ kind: "float", value: Math.max(...row) }),
  raw_scores: (row) => ({ kind: "float", value: row.length > 1 ? row : [1 - row[0], row[0]] }),
  predicted_score: (row) => ({ kind: "float", value: row[0] }),
};

const allOfClasses = ["predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores"];

/** Keys that suit an objective; the others answer NaN. */
const suitableKeys: Readonly<Record<string, readonly string[]>> = {
  "reg:squarederror": ["predicted_score"],
  "reg:logistic": ["predicted_score"],
  "binary:logistic": allOfClasses,
  "multi:softmax": ["predicted_label", "labels", "raw_score", "raw_scores"],
  "multi:softprob": allOfClasses,
};

/**
 * The answer that the model's `SAGEMAKER_INFERENCE_OUTPUT` selects.
 *
 * @param keys in the order of the variable
 */
export function selectedResponse(
  predictions: Predictions,
  keys: readonly string[],
  type: AcceptedType,
): InferenceResult {
  const suitable = suitableKeys[predictions.objective.name];
  const rows = rowsOf(predictions).map(
    (row) => new Map(keys.map((key) => [key, suitable.includes(key) ? selections[key](row, predictions) : nothing])),
  );
  if (type === "text/csv") {
    // As in the container, the last line has no line feed.
    return csv(rows.map((row) => keys.map((key) => csvCell(row.get(key) ?? nothing)).join(",")).join("\n"));
  }
  const order = [...Object.keys(selections), ...keys].filter(
    (key, at, all) => keys.includes(key) && all.indexOf(key) === at,
  );
  const suitableFirst = order.toSorted((a, b) => Number(suitable.includes(b)) - Number(suitable.includes(a)));
  const objects = rows.map(
    (row) => `{${suitableFirst.map((key) => `${JSON.stringify(key)}:${jsonCell(row.get(key) ?? nothing)}`).join(",")}}`,
  );
  return json(objects, type);
}

/** The keys of `SAGEMAKER_INFERENCE_OUTPUT`. */
export function selectedKeys(variable: string): readonly string[] {
  return [...new Set(variable.replaceAll(" ", "").toLowerCase().split(","))];
}

function rowsOf({ outputs, width }: Predictions): readonly (readonly number[])[] {
  return Array.from({ length: outputs.length / width }, (_, row) => [
    ...outputs.subarray(row * width, (row + 1) * width),
  ]);
}

function csvCell({ kind, value }: Cell): string {
  const text = kind === "whole" ? String : pythonFloat;
  return typeof value === "number" ? text(value) : `"[${value.map(text).join(", ")}]"`;
}

function jsonCell({ kind, value }: Cell): string {
  const text = kind === "whole" ? String : pythonJsonFloat;
  return typeof value === "number" ? text(value) : `[${value.map(text).join(",")}]`;
}

function csv(body: string): InferenceResult {
  return { body, contentType: "text/csv; charset=utf-8" };
}

function json(objects: readonly string[], type: "application/json" | "application/jsonlines"): InferenceResult {
  const body =
    type === "application/json"
      ? `{"predictions":[${objects.join(",")}]}`
      : objects.map((object) => `${object}\n`).join("");
  return { body, contentType: type };
}
