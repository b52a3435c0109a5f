/** Entry point of the workload of a built-in algorithm; see run.ts. */
import { builtInAlgorithm } from "../../algorithms/registry.ts";
import { startAlgorithm } from "./start.ts";

await startAlgorithm(builtInAlgorithm);
