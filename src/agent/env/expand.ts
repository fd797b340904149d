/** `$(NAME)` references as Kubernetes expands them: `$$` is a dollar, an unknown name stays as it stands. */
export function expand(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => (name === undefined ? '$' : (valueOf(name) ?? whole)));
}
