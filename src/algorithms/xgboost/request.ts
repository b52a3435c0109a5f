/** The rows of an inference request. */
import { ClientError, InferenceError } from "../algorithm.ts";
import { parseContentType } from "../input/content-type.ts";
import { parseCsv } from "../input/csv-reader.ts";
import { parseLibsvm } from "../input/libsvm-reader.ts";
import type { FeatureMatrix } from "./dataset.ts";

type RequestReader = (body: Uint8Array) => FeatureMatrix;

const readCsv: RequestReader = (body) => ({
  kind: "dense",
  ...parseCsv("request", body, { hasLabels: false, hasWeights: false }),
});
const readLibsvm: RequestReader = (body) => ({ kind: "sparse", ...parseLibsvm("request", body, "optional") });

const readers: Readonly<Record<string, { readonly format: string; readonly read: RequestReader }>> = {
  csv: { format: "csv", read: readCsv },
  "text/csv": { format: "csv", read: readCsv },
  libsvm: { format: "libsvm", read: readLibsvm },
  "text/libsvm": { format: "libsvm", read: readLibsvm },
  "text/x-libsvm": { format: "libsvm", read: readLibsvm },
};

/** A request without a content type is read as libsvm, as in the container. */
const standardType = "text/libsvm";

/**
 * Reads a request's body.
 *
 * @throws InferenceError 415 for another content type or a malformed body
 */
export function readRequest(body: Uint8Array, contentType: string): FeatureMatrix {
  const { mediaType, parameters } = parseContentType(contentType);
  const wanted = mediaType === "" ? standardType : mediaType;
  if (!Object.hasOwn(readers, wanted)) {
    const accepted = Object.keys(readers)
      .filter((name) => name.includes("/"))
      .join(", ");
    throw new InferenceError(415, `${contentType.slice(0, 100)} is not an accepted ContentType: ${accepted}.`);
  }
  const { format, read } = readers[wanted];
  const labelSize = parameters.get("label_size") ?? "0";
  if (format === "csv" && labelSize !== "0" && labelSize !== "1") {
    throw new InferenceError(
      415,
      `${contentType.slice(0, 100)} is not an accepted csv ContentType: requests carry no labels (label_size=0).`,
    );
  }
  try {
    return read(body);
  } catch (cause) {
    if (!(cause instanceof ClientError)) throw cause;
    throw new InferenceError(
      415,
      `Loading ${format} data failed, please ensure data is in ${format} format: ${cause.message}`,
      { cause },
    );
  }
}
