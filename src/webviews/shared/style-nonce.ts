/**
 * The component library makes `<style>` elements of its own, which a strict policy refuses. They get the page's nonce here.
 * Imported before the library.
 */
const nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? '';
const create = document.createElement.bind(document) as (name: string, options?: ElementCreationOptions) => HTMLElement;
document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const element = create(name, options);
  if (name === 'style') element.nonce = nonce;
  return element;
}) as typeof document.createElement;

export {};
