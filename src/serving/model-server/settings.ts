/** What a model server must know, written into its `/opt/ml` by whoever launches it. */

/** Beside `model/` under `ML_ROOT`. */
export const settingsFile = "serving.json";

/** Environment variable with the path of the Unix socket to listen on. */
export const socketVariable = "SAGEBRUSH_MODEL_SOCKET";

/** A file, not environment variables: a model's `Environment` must not reach the loader or Node (`NODE_OPTIONS`). */
export interface ModelServerSettings {
  /** Image URI that names the built-in algorithm. */
  readonly image: string;
  /** `ContainerDefinition.Environment` */
  readonly environment: Readonly<Record<string, string>>;
}
