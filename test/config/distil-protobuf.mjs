/**
 * Makes src/controlplane/kernel/apiserver/protobuf/messages.json from the Kubernetes sources (Apache-2.0, see NOTICE):
 *   node test/config/distil-protobuf.mjs <folder that holds k8s.io/api and k8s.io/apimachinery>
 * (Debian: golang-k8s-api-dev and golang-k8s-apimachinery-dev, unpacked, `usr/share/gocode/src/k8s.io`).
 *
 * generated.proto gives numbers and wire types; the tags in types.go say what is inlined and what is left out of JSON when empty.
 * One entry a message, `"<package>.<Message>": "<field>;<field>"`, a field being `<number><flags> <name> <type>`:
 *   type   s string, y bytes, i integer, b bool, d double (float: f), else the index of a message in the file's order
 *   flags  * repeated, % map from string, ! inlined into its parent, + kept even when zero (no omitempty, no pointer), ? present whenever sent (pointer)
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2];
if (!root) throw new Error('usage: distil-protobuf.mjs <folder of k8s.io>');

const packages = [
  'api/core/v1', 'api/apps/v1', 'api/batch/v1', 'api/autoscaling/v1', 'api/autoscaling/v2', 'api/policy/v1', 'api/networking/v1', 'api/rbac/v1', 'api/authentication/v1',
  'api/authorization/v1', 'api/coordination/v1', 'api/discovery/v1', 'api/events/v1', 'api/storage/v1', 'api/scheduling/v1', 'api/certificates/v1', 'api/node/v1',
  'api/admissionregistration/v1', 'apimachinery/pkg/apis/meta/v1', 'apimachinery/pkg/runtime', 'apimachinery/pkg/api/resource', 'apimachinery/pkg/util/intstr',
];
const scalars = { string: 's', bytes: 'y', int32: 'i', int64: 'i', uint32: 'i', uint64: 'i', bool: 'b', double: 'd', float: 'f' };
const short = (name) => name.replace(/^\.?k8s\.io\.(api|apimachinery\.pkg\.apis|apimachinery\.pkg\.api|apimachinery\.pkg\.util|apimachinery\.pkg)\./, '');

/** name → fields of every message in the .proto files. */
const messages = new Map();
/** `<package>.<Struct>` → protobuf number → tags. */
const tags = new Map();
for (const folder of packages) {
  const proto = readFileSync(join(root, folder, 'generated.proto'), 'utf8').replace(/\/\/.*$/gm, '');
  const own = short(/^package (\S+);/m.exec(proto)[1]);
  for (const [, name, body] of proto.matchAll(/^message (\w+) \{([\s\S]*?)^\}/gm)) {
    const fields = [...body.matchAll(/(optional|repeated|required|map<string, *([\w.]+)>) +(?:([\w.]+) +)?(\w+) *= *(\d+);/g)].map(([, rule, mapped, type, field, number]) => ({
      number: Number(number), name: field, rule: mapped ? 'map' : rule, type: qualified(mapped ?? type, own),
    }));
    messages.set(`${own}.${name}`, fields);
  }
  for (const file of readdirSync(join(root, folder)).filter((one) => one.endsWith('.go') && !one.startsWith('generated') && !one.startsWith('zz_') && !one.endsWith('_test.go'))) {
    const source = readFileSync(join(root, folder, file), 'utf8');
    for (const [, name, body] of source.matchAll(/^type (\w+) struct \{([\s\S]*?)^\}/gm)) {
      const byNumber = new Map();
      for (const [, type, json, number] of body.matchAll(/(\S+)[ \t]+`json:"([^"]*)" (?:[a-zA-Z]+:"[^"]*" )*?protobuf:"\w+,(\d+)[^"]*"/g)) byNumber.set(Number(number), { type, json });
      if (byNumber.size) tags.set(`${own}.${name}`, byNumber);
    }
  }
}

function qualified(type, own) {
  if (type in scalars) return type;
  return type.startsWith('.') ? short(type) : `${own}.${type}`;
}

const wanted = new Set();
const visit = (name) => {
  if (wanted.has(name)) return;
  if (!messages.has(name)) throw new Error(`no message ${name}`);
  wanted.add(name);
  for (const field of messages.get(name)) if (!(field.type in scalars)) visit(field.type);
};
for (const [name, fields] of messages) {
  const standalone = fields.some((field) => field.name === 'metadata') && !name.endsWith('List');
  if (standalone || name === 'runtime.Unknown' || name === 'meta.v1.DeleteOptions') visit(name);
}

const order = [...wanted].sort();
const out = {};
for (const name of order) {
  const known = tags.get(name);
  out[name] = messages.get(name).map((field) => {
    const tag = known?.get(field.number);
    const [json = field.name, ...options] = tag?.json.split(',') ?? [];
    const inlined = options.includes('inline');
    let flags = field.rule === 'map' ? '%' : field.rule === 'repeated' ? '*' : '';
    if (inlined) flags += '!';
    else if (tag?.type.startsWith('*')) flags += '?';
    else if (tag && !options.includes('omitempty') && !flags) flags += '+';
    return `${field.number}${flags} ${inlined ? field.name : json || field.name} ${scalars[field.type] ?? order.indexOf(field.type)}`;
  }).join(';');
}
const target = new URL('../../src/controlplane/kernel/apiserver/protobuf/messages.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(out, null, 0).replaceAll('","', '",\n"')}\n`);
console.log(`${order.length} messages`);
