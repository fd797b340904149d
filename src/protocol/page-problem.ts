/** Why what a page shows may be untrue, or why it shows nothing. */
export interface PageProblem {
  text: string;
  /** Title of the button that helps; the page says `fix` when it is pressed. */
  fix?: string;
}
