/** What a build pod is made of beside its build. */

/** What references of the build stand for, as pull specifications. */
export interface BuildImages {
  /** A Docker build may have none: its Dockerfile names one. */
  builder: string | undefined;
  output: string | undefined;
  /** Of `spec.source.images`, in their order. */
  inputs: readonly string[];
}

/** Names of secrets that the pod gets. */
export interface BuildSecrets {
  source?: string | undefined;
  push?: string | undefined;
  pull?: string | undefined;
  /** Of `spec.source.images`, in their order. */
  inputs: readonly (string | undefined)[];
}
