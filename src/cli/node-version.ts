/** Imported before anything else: an old Node.js would fail later with an error that says nothing. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(`Slipway needs Node.js 22.15 or newer; this is ${process.versions.node}. Install a current Node.js and run the command again.\n`);
  process.exit(1);
}
