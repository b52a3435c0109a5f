/**
 * Which XGBoost library an image tag stands for. Artifacts interchange with exactly that library, so the tag decides
 * the file format that training writes and where the first prediction starts.
 */

export interface ImageVersion {
  readonly tag: string;
  /** Version of the XGBoost library inside the image, as its model files carry it. */
  readonly library: readonly [major: number, minor: number, patch: number];
  /** What `Booster.save_model("xgboost-model")` of that library writes. */
  readonly modelFormat: "legacy-binary" | "ubjson";
  /** Libraries from 2.0 on estimate `base_score` from the labels when it is unset; before, it is 0.5. */
  readonly estimatesBaseScore: boolean;
  /** Libraries from 3.1 on estimate a base score per class from the frequencies of the classes. */
  readonly estimatesClassScores: boolean;
}

export const imageVersions: readonly ImageVersion[] = [
  {
    tag: "1.3-1",
    library: [1, 3, 3],
    modelFormat: "legacy-binary",
    estimatesBaseScore: false,
    estimatesClassScores: false,
  },
  {
    tag: "1.5-1",
    library: [1, 5, 2],
    modelFormat: "legacy-binary",
    estimatesBaseScore: false,
    estimatesClassScores: false,
  },
  {
    tag: "1.7-1",
    library: [1, 7, 4],
    modelFormat: "legacy-binary",
    estimatesBaseScore: false,
    estimatesClassScores: false,
  },
  { tag: "3.0-5", library: [3, 0, 5], modelFormat: "ubjson", estimatesBaseScore: true, estimatesClassScores: false },
  { tag: "3.2-0", library: [3, 2, 0], modelFormat: "ubjson", estimatesBaseScore: true, estimatesClassScores: true },
];

const supported = imageVersions.map(({ tag }) => tag).join(", ");
const pickled = `its models are Python pickles, which only Python can read and write. Use one of the tags ${supported}`;

/** Tags that SageMaker has and Sagebrush refuses, with the reason. */
const refusedTags: Readonly<Record<string, string>> = {
  "0.90-1": pickled,
  "0.90-2": pickled,
  "1.0-1": pickled,
  "1.2-1": pickled,
  "1.2-2": pickled,
  "1": pickled,
  latest: pickled,
};

/**
 * The version behind an image tag; the long form `1.7-1-cpu-py3` means the same image.
 *
 * @returns a sentence with the reason instead, when the tag is not supported
 */
export function imageVersion(imageTag: string): ImageVersion | string {
  const tag = imageTag.replace(/-(cpu|gpu)-py\d+$/, "");
  const version = imageVersions.find((candidate) => candidate.tag === tag);
  if (version !== undefined) return version;
  const quoted = JSON.stringify(imageTag.slice(0, 128));
  if (Object.hasOwn(refusedTags, tag))
    return `The XGBoost image tag ${quoted} is not supported by Sagebrush: ${refusedTags[tag]}.`;
  if (tag.startsWith("sha256:"))
    return `The XGBoost image is named by digest ${quoted}, which says no version. Use one of the tags ${supported}.`;
  return `There is no XGBoost image with tag ${quoted}. Use one of the tags ${supported}.`;
}
