/** What the command line may use of the server without starting one; light to import. */
export { readRootCredentials } from "../services/sts/root-credentials.ts";
export { readConfig, type ConfigFlags, type ServerConfig } from "./config.ts";
export { readServerFile, type ServerFile } from "./server-file.ts";
