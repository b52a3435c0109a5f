/**
 * Which algorithm an image URI names. Registry account and region do not matter: people copy URIs from everywhere;
 * repository and tag decide.
 */
import type { Algorithm } from "./algorithm.ts";

/** By repository; loaded on first use: a server that trains nothing pays for no algorithm. */
const algorithms: Readonly<Record<string, () => Promise<Algorithm>>> = {
  "sagemaker-xgboost": async () => (await import("./xgboost/index.ts")).xgboost,
  xgboost: async () => (await import("./xgboost/index.ts")).xgboost,
};
const loaded = new Map<string, Promise<Algorithm>>();

export interface ImageReference {
  readonly registry: string;
  readonly repository: string;
  /** `latest` when the URI names none; a digest (`sha256:…`) may stand for a tag. */
  readonly tag: string;
}

/** `<registry>/<repository>[:tag|@digest]` in its parts; undefined when it is no image URI. */
export function parseImageUri(uri: string): ImageReference | undefined {
  const match =
    /^(?:([^/@]+\.[^/@]+|[^/@]+:\d+|localhost)\/)?([a-z0-9._/-]+?)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(
      uri,
    );
  if (match === null) return undefined;
  return { registry: match[1] ?? "", repository: match[2], tag: match[4] ?? match[3] ?? "latest" };
}

/** The built-in algorithm that an image URI names; undefined for any other image. */
export async function builtInAlgorithm(
  imageUri: string,
): Promise<{ algorithm: Algorithm; image: ImageReference } | undefined> {
  const image = parseImageUri(imageUri);
  if (image === undefined || !Object.hasOwn(algorithms, image.repository)) return undefined;
  let algorithm = loaded.get(image.repository);
  if (algorithm === undefined) {
    algorithm = algorithms[image.repository]();
    loaded.set(image.repository, algorithm);
  }
  return { algorithm: await algorithm, image };
}
