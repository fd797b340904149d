/** Every builder of the catalogue. Adding one is adding its folder, its entry here, and its toolchain in `detect/toolchain.ts`. */
import { dotnet } from './builders/dotnet/dotnet.ts';
import { golang } from './builders/golang/golang.ts';
import { java } from './builders/java/java.ts';
import { nodejs } from './builders/nodejs/nodejs.ts';
import { perl } from './builders/perl/perl.ts';
import { php } from './builders/php/php.ts';
import { python } from './builders/python/python.ts';
import { ruby } from './builders/ruby/ruby.ts';
import { staticFiles } from './builders/static/static.ts';
import type { HostBuilder } from './host-builder.ts';

export const hostBuilders: readonly HostBuilder[] = [nodejs, staticFiles, python, php, ruby, perl, golang, java, dotnet];
