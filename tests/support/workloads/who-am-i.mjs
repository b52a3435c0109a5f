// A workload that knows nothing but its environment: the SDK finds credentials, endpoint and region by itself.
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const { Arn } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
console.log(`I am ${Arn}`);
// Runs on until it is stopped, so that its credentials stay good meanwhile.
if (process.argv.includes("--stay")) setInterval(() => {}, 60_000);
