/** What is wrong with a Dockerfile, and where. */
export class DockerfileError extends Error {
  /** First line of the instruction, from 1; none if it is not about a line. */
  readonly line: number | undefined;
  constructor(message: string, line?: number) {
    super(line === undefined ? message : `Dockerfile line ${line}: ${message}`);
    this.name = 'DockerfileError';
    this.line = line;
  }
}
