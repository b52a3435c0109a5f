/** What an account may have of each thing. Source: IAM User Guide, "IAM and AWS STS quotas" (the defaults). */
export const quotas = {
  users: 5000,
  groups: 300,
  roles: 1000,
  policies: 1500,
  groupsPerUser: 10,
  accessKeysPerUser: 2,
  versionsPerPolicy: 5,
  tags: 50,
  /** Characters, white space not counted. */
  managedPolicyLength: 6144,
  trustPolicyLength: 2048,
} as const;
