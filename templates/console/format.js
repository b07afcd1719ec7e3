import {h, plain} from './ui.js'
import {get, now, post, tell} from './api.js'

// `created_at` has no zone: it is UTC.
export const moment = text => new Date(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`)

const HOUR = {hour: '2-digit', minute: '2-digit'}
const [TODAY, DATE, FULL] = [HOUR, {day: 'numeric', month: 'short', ...HOUR}, {dateStyle: 'full', timeStyle: 'long'}]
	.map(options => new Intl.DateTimeFormat(undefined, options))
const short = at => (new Date(now()).toDateString() === at.toDateString() ? TODAY : DATE).format(at)

export const time = (text, kind = 'time', words = short) =>
	text && h(kind, {datetime: text, title: FULL.format(moment(text))}, words(moment(text)))
export const age = text => time(text, 'time', at => span(now() - at))

export function span(ms) {
	const minutes = Math.max(0, Math.floor(ms / 60000))
	if (minutes < 60) return minutes ? `${minutes} min` : 'now'
	return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`
}

export const fromLocal = text => text && new Date(text).toISOString()

// ISO 4217's decimals, where they aren't 2. (Intl has others: none for HUF.)
const NONE = /^(BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|VND|VUV|XAF|XOF|XPF)$/
const THREE = /^(BHD|IQD|JOD|KWD|LYD|OMR|TND)$/
export const places = currency => NONE.test(currency) ? 0 : THREE.test(currency) ? 3 : 2

export function decimal(minor, digits) {
	const text = `${minor}`.padStart(digits + 1, '0')
	return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text
}

export function money(minor, currency) {
	if (!currency) return minor ? decimal(minor, 2) : '–'
	const digits = places(currency)
	return new Intl.NumberFormat(undefined, {style: 'currency', currency, minimumFractionDigits: digits})
		.format((minor < 0 ? '-' : '') + decimal(`${minor}`.replace('-', ''), digits))
}

export function parse(text, digits) {
	const found = /^\s*(\d{1,15})(?:[.,](\d*))?\s*$/.exec(text)
	const part = found?.[2]?.replace(/0+$/, '') ?? ''
	return !found || part.length > digits ? null : BigInt(found[1] + part.padEnd(digits, '0'))
}

const SIGNS = {pending: '○', processing: '◐', ready: '●', completed: '✓', canceled: '✕', failed: '!'}
export const STATUSES = Object.keys(SIGNS)
export const OPEN = STATUSES.slice(0, 3)
export const STEPS = {
	pending: ['processing', 'ready', 'completed'],
	processing: ['ready', 'completed'],
	ready: ['completed', 'processing']
}
export const VERBS = {processing: 'Start', ready: 'Ready', completed: 'Complete'}

export const badge = (kind, text = kind) =>
	h(`span.badge.${kind}`, h('span', {'aria-hidden': 'true'}, `${SIGNS[kind]} `), text)
export const isOpen = it => OPEN.includes(it.status)

export function normal(it) {
	if (it.status) return it
	return {...it, isSimple: true, version: 1, status: it.success ? 'completed' : 'failed', line_items: []}
}

export const nameOf = it => it.reference_id ?? `#${it.id}`
export const payment = ({payment_status: it}) => it && h(`span.pay.${it}`, plain(it))
export const customerName = ({customer: it}) => it?.name ?? it?.email ?? it?.phone
export const many = it => `${it.quantity}${it.unit ? ` ${it.unit}` : ' ×'} ${it.name}`
export const total = it => it.isSimple ? null : money(it.total, it.currency)
export function due(order) {
	const at = order.fulfillment?.due_at
	return at && time(at, isOpen(order) && moment(at) < now() ? 'time.late' : 'time')
}

export const ADDRESS = ['line1', 'line2', 'postal_code', 'city', 'state', 'country']

// What came of it, or who was faster, is told as the feed would.
export async function changeOrder({id, version, currency}, what, body, key) {
	const path = `orders/${id}`
	const saw = order => tell('event', {data: {order}})
	try {
		saw(await post(`${path}/${what}`, body, {match: version, key}))
	} catch (fault) {
		if (![409, 412].includes(fault.status)) throw fault
		const now = await get(path)
		const most = fault.body?.due ?? fault.body?.refundable
		const why = most == null ? fault.message : `At most ${money(most, currency)}`
		fault.message = `${why}. ${nameOf(now)} is ${now.status} now, and ${plain(now.payment_status)}.`
		saw(now)
		throw fault
	}
}
