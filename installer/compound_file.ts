/**
 * Compound files ([MS-CFB], version 3), the file system inside a file that MSI is built on. Reads one into memory and
 * writes it out again; nothing is changed in place.
 */

/** A stream: its bytes. */
export type Stream = Uint8Array<ArrayBuffer>;

/** A storage: streams and storages by name, and the class that made it. */
export interface Storage {
  /** Class id, 16 bytes; zeros for none. */
  readonly classId: Uint8Array<ArrayBuffer>;
  readonly entries: Map<string, Stream | Storage>;
}

/** Whether an entry is a storage. */
export function isStorage(entry: Stream | Storage | undefined): entry is Storage {
  return entry !== undefined && !(entry instanceof Uint8Array);
}

const signature = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const sectorBytes = 512;
const miniSectorBytes = 64;
/** Shorter streams are in the mini stream, in bytes. */
const miniStreamMax = 4096;
const entryBytes = 128;
const headerSectorsMax = 109;
const perSector = sectorBytes / 4;
/** Longest file, in sectors: far above any installer, and a limit for broken chains. */
const sectorsMax = 4_000_000;

const endOfChain = 0xffff_fffe;
const free = 0xffff_ffff;
const fatSector = 0xffff_fffd;
const difatSector = 0xffff_fffc;
const kinds = { storage: 1, stream: 2, root: 5 } as const;
/** Longest name, in UTF-16 code units. */
const nameMax = 31;

/**
 * Reads a compound file.
 *
 * @throws when it is not one, or is damaged
 */
export function readCompoundFile(bytes: Uint8Array<ArrayBuffer>): Storage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!signature.every((byte, index) => bytes[index] === byte)) throw new Error("Cannot read it: no compound file");
  const size = 1 << view.getUint16(30, true);
  const sector = (id: number) => bytes.subarray((id + 1) * size, (id + 2) * size);
  const fat = readFat(view, { size });
  const chain = (start: number, table: readonly number[]): number[] => {
    const ids: number[] = [];
    for (let id = start; id < difatSector; id = table[id] ?? endOfChain) {
      ids.push(id);
      if (ids.length > sectorsMax) throw new Error("Cannot read the compound file: a chain has no end");
    }
    return ids;
  };
  const join = (start: number) => concat(chain(start, fat).map(sector));
  const directory = join(view.getUint32(48, true));
  const miniFat = numbersOf(join(view.getUint32(60, true)));
  const entries = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const miniStream = join(entries.getUint32(116, true));
  const content = (at: number): Stream => {
    const [start, length] = [entries.getUint32(at + 116, true), entries.getUint32(at + 120, true)];
    if (length >= miniStreamMax) return join(start).slice(0, length);
    if (length === 0) return new Uint8Array();
    const pieces = chain(start, miniFat).map((id) =>
      miniStream.subarray(id * miniSectorBytes, (id + 1) * miniSectorBytes)
    );
    return concat(pieces).slice(0, length);
  };
  const storage = (id: number): Storage => {
    const at = id * entryBytes;
    const found = new Map<string, Stream | Storage>();
    const visit = (child: number) => {
      if (child === free) return;
      const from = child * entryBytes;
      visit(entries.getUint32(from + 68, true));
      const name = new TextDecoder("utf-16le").decode(
        directory.subarray(from, from + Math.max(0, entries.getUint16(from + 64, true) - 2)),
      );
      found.set(name, directory[from + 66] === kinds.storage ? storage(child) : content(from));
      visit(entries.getUint32(from + 72, true));
    };
    visit(entries.getUint32(at + 76, true));
    return { classId: directory.slice(at + 80, at + 96), entries: found };
  };
  return storage(0);
}

function readFat(view: DataView, { size }: { size: number }): number[] {
  const ids: number[] = [];
  for (let index = 0; index < headerSectorsMax; index++) ids.push(view.getUint32(76 + index * 4, true));
  let next = view.getUint32(68, true);
  for (let left = view.getUint32(72, true); left > 0; left--) {
    const at = (next + 1) * size;
    for (let index = 0; index < size / 4 - 1; index++) ids.push(view.getUint32(at + index * 4, true));
    next = view.getUint32(at + size - 4, true);
  }
  const fat: number[] = [];
  for (const id of ids.filter((id) => id !== free)) {
    for (let index = 0; index < size / 4; index++) fat.push(view.getUint32((id + 1) * size + index * 4, true));
  }
  return fat;
}

/** Writes a compound file. */
export function writeCompoundFile(root: Storage): Uint8Array<ArrayBuffer> {
  const nodes = flatten(root);
  const sectors: Uint8Array[] = [];
  const fat: number[] = [];
  const append = (bytes: Uint8Array): number => {
    if (bytes.length === 0) return endOfChain;
    const start = fat.length;
    for (let at = 0; at < bytes.length; at += sectorBytes) {
      sectors.push(bytes.subarray(at, at + sectorBytes));
      fat.push(at + sectorBytes < bytes.length ? fat.length + 1 : endOfChain);
    }
    return start;
  };
  const { mini, miniFat } = placeStreams(nodes, append);
  const [first] = nodes;
  if (first !== undefined) [first.start, first.length] = [append(mini), mini.length];
  const miniFatStart = append(bytesOf(miniFat, free));
  const directoryStart = append(directoryOf(nodes));
  const tables = placeTables(fat);
  const out = new Uint8Array((1 + fat.length) * sectorBytes);
  out.set(header({ directoryStart, miniFatStart, miniFatSectors: Math.ceil(miniFat.length / perSector), ...tables }));
  sectors.forEach((sector, index) => out.set(sector, (index + 1) * sectorBytes));
  const fatBytes = bytesOf(fat, free);
  tables.fatSectors.forEach((id, index) => {
    out.set(fatBytes.subarray(index * sectorBytes, (index + 1) * sectorBytes), (id + 1) * sectorBytes);
  });
  tables.difatSectors.forEach((id, index) => {
    const from = headerSectorsMax + index * (perSector - 1);
    const ids = tables.fatSectors.slice(from, from + perSector - 1);
    while (ids.length < perSector - 1) ids.push(free);
    out.set(bytesOf([...ids, tables.difatSectors[index + 1] ?? endOfChain], free), (id + 1) * sectorBytes);
  });
  return out;
}

interface Node {
  readonly name: string;
  readonly entry: Stream | Storage;
  left: number;
  right: number;
  child: number;
  black: boolean;
  start: number;
  length: number;
}

/** All entries, the root first; siblings form a balanced tree in the order of [MS-CFB] 2.6.4. */
function flatten(root: Storage): Node[] {
  const nodes: Node[] = [];
  const add = (name: string, entry: Stream | Storage): number => {
    if (name.length > nameMax) throw new Error(`Cannot write the name "${name}": it is too long`);
    const node = { name, entry, left: free, right: free, child: free, black: true, start: 0, length: 0 };
    const id = nodes.push(node) - 1;
    if (isStorage(entry)) {
      const ids = [...entry.entries].map(([child, content]) => ({ name: child, id: add(child, content) }));
      ids.sort((a, b) => a.name.length - b.name.length || (a.name.toUpperCase() < b.name.toUpperCase() ? -1 : 1));
      const depthMax = Math.floor(Math.log2(ids.length + 1));
      node.child = balanced(ids.map(({ id }) => id), { nodes, depth: 0, depthMax });
    }
    return id;
  };
  add("Root Entry", root);
  return nodes;
}

/** A tree whose last, incomplete level is red. */
function balanced(ids: readonly number[], options: { nodes: Node[]; depth: number; depthMax: number }): number {
  const { nodes, depth, depthMax } = options;
  const middle = ids.length >> 1;
  const id = ids[middle];
  const node = id === undefined ? undefined : nodes[id];
  if (id === undefined || node === undefined) return free;
  node.black = depth < depthMax;
  node.left = balanced(ids.slice(0, middle), { nodes, depth: depth + 1, depthMax });
  node.right = balanced(ids.slice(middle + 1), { nodes, depth: depth + 1, depthMax });
  return id;
}

function placeStreams(nodes: readonly Node[], append: (bytes: Uint8Array) => number) {
  const mini: Uint8Array[] = [];
  const miniFat: number[] = [];
  for (const node of nodes) {
    if (isStorage(node.entry)) continue;
    node.length = node.entry.length;
    if (node.length >= miniStreamMax || node.length === 0) {
      node.start = append(node.entry);
      continue;
    }
    node.start = miniFat.length;
    const count = Math.ceil(node.length / miniSectorBytes);
    const padded = new Uint8Array(count * miniSectorBytes);
    padded.set(node.entry);
    mini.push(padded);
    for (let index = 0; index < count; index++) {
      miniFat.push(index + 1 < count ? miniFat.length + 1 : endOfChain);
    }
  }
  return { mini: concat(mini), miniFat };
}

/** Adds the sectors of the allocation table itself, and of its own table, to `fat`. */
function placeTables(fat: number[]): { fatSectors: number[]; difatSectors: number[] } {
  let [fatCount, difatCount] = [0, 0];
  while (true) {
    const total = fat.length + fatCount + difatCount;
    const [needed, difatNeeded] = [
      Math.ceil(total / perSector),
      Math.ceil(Math.max(0, fatCount - headerSectorsMax) / (perSector - 1)),
    ];
    if (needed === fatCount && difatNeeded === difatCount) break;
    [fatCount, difatCount] = [needed, difatNeeded];
  }
  const fatSectors = Array.from({ length: fatCount }, () => fat.push(fatSector) - 1);
  const difatSectors = Array.from({ length: difatCount }, () => fat.push(difatSector) - 1);
  return { fatSectors, difatSectors };
}

function directoryOf(nodes: readonly Node[]): Uint8Array<ArrayBuffer> {
  const perDirectorySector = sectorBytes / entryBytes;
  const count = Math.ceil(nodes.length / perDirectorySector) * perDirectorySector;
  const bytes = new Uint8Array(count * entryBytes);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) {
    const at = index * entryBytes;
    const node = nodes[index];
    const set = (offset: number, value: number) => view.setUint32(at + offset, value, true);
    [68, 72, 76].forEach((offset) => set(offset, free));
    if (node === undefined) continue;
    for (let unit = 0; unit < node.name.length; unit++) {
      view.setUint16(at + unit * 2, node.name.charCodeAt(unit), true);
    }
    view.setUint16(at + 64, (node.name.length + 1) * 2, true);
    bytes[at + 66] = index === 0 ? kinds.root : isStorage(node.entry) ? kinds.storage : kinds.stream;
    bytes[at + 67] = node.black ? 1 : 0;
    set(68, node.left);
    set(72, node.right);
    set(76, node.child);
    if (isStorage(node.entry)) bytes.set(node.entry.classId, at + 80);
    set(116, node.start);
    set(120, node.length);
  }
  return bytes;
}

function header(options: {
  directoryStart: number;
  miniFatStart: number;
  miniFatSectors: number;
  fatSectors: readonly number[];
  difatSectors: readonly number[];
}): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(signature);
  view.setUint16(24, 0x3e, true);
  view.setUint16(26, 3, true);
  view.setUint16(28, 0xfffe, true); // little-endian
  view.setUint16(30, Math.log2(sectorBytes), true);
  view.setUint16(32, Math.log2(miniSectorBytes), true);
  const set = (offset: number, value: number) => view.setUint32(offset, value, true);
  set(44, options.fatSectors.length);
  set(48, options.directoryStart);
  set(56, miniStreamMax);
  set(60, options.miniFatStart);
  set(64, options.miniFatSectors);
  set(68, options.difatSectors[0] ?? endOfChain);
  set(72, options.difatSectors.length);
  for (let index = 0; index < headerSectorsMax; index++) set(76 + index * 4, options.fatSectors[index] ?? free);
  return bytes;
}

/** 32-bit numbers, padded to whole sectors. */
function bytesOf(numbers: readonly number[], filler: number): Uint8Array<ArrayBuffer> {
  const padded = new Uint32Array(Math.ceil(numbers.length / perSector) * perSector).fill(filler);
  padded.set(numbers);
  return new Uint8Array(padded.buffer);
}

function numbersOf(bytes: Uint8Array<ArrayBuffer>): number[] {
  return [...new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)];
}

function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
