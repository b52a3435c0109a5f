/** Authentication of requests by AWS signatures; `verifyRequest` and `decodePayload` are the way in. */
export { authConditions, authError, errorStyleOf, type AuthCondition, type ErrorStyle } from "./auth-errors.ts";
export type { Credential, CredentialLookup, RequestHead } from "./credential.ts";
export { identifyCredentialScope, type CredentialScope } from "./identify-scope.ts";
export { checkWhole, decodePayload, type DecodedPayload, type PayloadExpectation } from "./payload.ts";
export { isUnsigned } from "./signature-claim.ts";
export { verifyRequest, type VerifiedRequest, type VerifyOptions } from "./verify-request.ts";
