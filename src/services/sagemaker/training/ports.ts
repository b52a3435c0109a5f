/** What training needs of neighbouring services; the server wires it. */

/** Which roles exist; IAM knows. */
export interface RoleDirectory {
  exists(accountId: string, roleArn: string): Promise<boolean>;
}
