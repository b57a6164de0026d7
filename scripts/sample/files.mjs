import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { FEATURES, featureValue } from './personas.mjs'

/** The oldest date that a zip entry can carry. Anything else would differ from one run to the next. */
const ZIP_EPOCH = new Date(1980, 0, 1)

const NPY_MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0)
const NPY_ALIGNMENT = 64

/** A version 1.0 .npy file around little-endian bytes in C order. */
function npy(descr, shape, bytes) {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`
  const unpadded = NPY_MAGIC.length + 2 + text.length + 1
  const header = `${text}${' '.repeat((NPY_ALIGNMENT - (unpadded % NPY_ALIGNMENT)) % NPY_ALIGNMENT)}\n`
  const length = Uint8Array.of(header.length & 0xff, header.length >> 8)
  return Buffer.concat([NPY_MAGIC, length, Buffer.from(header, 'latin1'), bytes])
}

function bytesOf(typed) {
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength)
}

export function embeddingFile(vectors) {
  const width = vectors[0].length
  const flat = new Float32Array(vectors.length * width)
  vectors.forEach((vector, i) => flat.set(vector, i * width))
  return npy('<f4', [vectors.length, width], bytesOf(flat))
}

/** What `scipy.sparse.save_npz` writes for a CSR matrix. */
export function bowFile({ indices, indptr, data, shape }) {
  const entries = {
    'indices.npy': npy('<i4', [indices.length], bytesOf(Int32Array.from(indices))),
    'indptr.npy': npy('<i4', [indptr.length], bytesOf(Int32Array.from(indptr))),
    'format.npy': npy('|S3', [], Buffer.from('csr', 'latin1')),
    'shape.npy': npy('<i8', [2], bytesOf(BigInt64Array.from(shape, BigInt))),
    'data.npy': npy('<i8', [data.length], bytesOf(BigInt64Array.from(data, BigInt))),
  }
  return zipSync(entries, { level: 9, mtime: ZIP_EPOCH })
}

/** One split as Parquet. `textIndex` maps a text to its row in texts.json. */
export function splitFile(judgments, textIndex) {
  const strings = (name, read) => ({ name, type: 'STRING', nullable: false, data: judgments.map(read) })
  const integers = (name, read) => ({
    name,
    type: 'INT64',
    nullable: false,
    data: BigInt64Array.from(judgments, (judgment) => BigInt(read(judgment))),
  })
  const columnData = [
    integers('u_id', ({ persona }) => persona.u_id),
    strings('persona', ({ persona }) => persona.name),
    strings('qid', ({ question }) => question.qid),
    strings('id', ({ id }) => id),
    strings('topic', ({ question }) => question.topic),
    strings('prompt', ({ question }) => question.prompt),
    strings('chosen', ({ chosen }) => chosen.text),
    strings('rejected', ({ rejected }) => rejected.text),
    strings('chosen_taste', ({ chosen }) => chosen.taste),
    strings('rejected_taste', ({ rejected }) => rejected.taste),
    integers('prompt_emb_idx', ({ question }) => textIndex.get(question.prompt)),
    integers('chosen_emb_idx', ({ chosen }) => textIndex.get(chosen.text)),
    integers('rejected_emb_idx', ({ rejected }) => textIndex.get(rejected.text)),
    ...FEATURES.map((feature) => integers(feature.name, ({ persona }) => featureValue(persona, feature))),
  ]
  return new Uint8Array(parquetWriteBuffer({ columnData, createdBy: 'delta-workbench sample' }))
}
