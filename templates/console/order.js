import {$, act, ADDRESS, badge, bus, button, changeOrder, customerName, decimal, decimals, due, facts, fold, get, given,
	h, invalid, isAdmin, isOpen, keyed, link, many, moment, money, nameOf, normal, on, parse, payment, places, plain,
	scope, section, session, show, state, STEPS, swap, table, tell, time, VERBS} from './page.js'
import {last} from './orders.js'

const NOTE = ['note', 'textarea']
const WHY = ['reason', ['requested_by_customer', 'duplicate', 'fraudulent', 'other']]
const CANCELS = ['', 'customer', 'inventory', 'fraud', 'declined', 'staff', 'other']

export function order({id}) {
	let order
	const head = h('div'), acts = h('div')
	const ticket = h('div.ticket', {'aria-hidden': 'true'})

	const change = (what, body, key) => changeOrder(order, what, body, key)
	function moves(what) {
		const send = keyed((body, key) => change(what, body, key))
		return values => {
			const amount = Number(parse(values.amount ?? '', places(order.currency)))
			if (amount === 0) throw invalid('amount', 'An amount above 0')
			return send({...values, amount})
		}
	}

	const amount = minor =>
		decimals('amount', `Amount, ${order.currency ?? ''}`, decimal(minor, places(order.currency)))
	const unpaid = () => order.total - order.amount_paid
	const refundable = () => order.amount_paid - order.amount_refunded
	const isMine = () => isOpen(order) && (isAdmin() || order.status === 'pending')
	const offer = (may, ...form) => Object.assign(fold(...form), {may, hidden: true})
	const forms = h('div.folds',
		offer(() => isAdmin() && unpaid() && order.status !== 'canceled', 'Record a payment',
			() => [amount(unpaid()), ['method', ['cash', 'card', 'transfer', 'other']], ['reference_id'], NOTE],
			moves('payments')),
		offer(() => isAdmin() && refundable(), 'Refund',
			() => [amount(refundable()), WHY, NOTE], moves('refunds'), {danger: true}),
		offer(isMine, 'Change the note',
			() => [['note', 'textarea', {value: order.note}]], values => change('update', {note: null, ...values})),
		offer(isMine, 'Cancel the order', [['reason', isAdmin() ? CANCELS : ['customer']], NOTE],
			values => change('status', {status: 'canceled', ...values}), {danger: true}))

	const step = (status, n) => act(n && status === 'processing' ? 'Back to processing' : VERBS[status],
		() => change('status', {status}), {class: !n && 'primary'})
	function view(found) {
		order = normal(found)
		swap(head, h('h1', nameOf(order), ' ', badge(order.status), ' ', payment(order)))
		swap(acts, isAdmin() && !order.isSimple && STEPS[order.status]?.map(step), button('Print', () => print()))
		for (const it of forms.children) it.hidden = order.isSimple || !it.may()
		swap(ticket, paper(order))
		return [
			facts({Placed: [time(order.created_at), ' for ', who(order.user_id)], Number: `#${id}`, Due: due(order)}),
			order.isSimple ? state('A simple order: it has no content.') : content(order), ticket
		]
	}
	show([link(last, '« Orders'), head, h('div.acts', acts, forms)], () => get(`orders/${id}`), view)

	on(bus, 'event', ({detail: {data: {order: it}}}) => {
		if (it.id === order?.id && it.version > order.version) tell('tick')
	}, scope)
	// A roll has no pages: the paper is as long as what is on it.
	on(window, 'beforeprint', () => {
		const sheet = new CSSStyleSheet()
		sheet.replaceSync(`@page{size:80mm ${Math.ceil(ticket.scrollHeight * 0.2646) + 12}mm;margin:4mm}`)
		document.adoptedStyleSheets = [sheet]
	}, scope)
	on(scope.signal, 'abort', () => { document.adoptedStyleSheets = [] })
}

const who = actor => actor === session.user.id ? 'you' : actor ? `user ${actor}` : 'the operator'
const address = ({address: it}) => it && ADDRESS.map(part => it[part]).filter(Boolean).join(', ')

function content(order) {
	const {customer: by, fulfillment: way, history, note, metadata} = order
	return [lines(order), h('div.cards',
		by && section('Customer', facts({Name: by.name, Phone: by.phone && link(`tel:${by.phone}`, by.phone),
			Email: by.email && link(`mailto:${by.email}`, by.email)})),
		way && section('Fulfilment', facts({How: way.type, Due: due(order), To: address(way), Note: way.note})),
		note && section('Note', h('p.text', note)),
		given(metadata).length > 0 && section('Metadata', facts(metadata))),
	history.length > 0 && [h('h2', 'Payments and history'), past(order)]]
}

function lines(order) {
	const price = minor => money(minor, order.currency)
	const sums = {Subtotal: order.subtotal, Discount: -order.discount_total,
		[order.prices_include_tax ? 'Tax, included' : 'Tax']: order.tax_total,
		Total: order.total, Paid: order.amount_paid, Refunded: order.amount_refunded}
	const sum = ([name, it]) => (it || name === 'Total') && h(name === 'Total' ? 'tr.sum' : 'tr',
		h('th', {scope: 'row', colspan: 5}, name), h('td', price(it)))
	const line = it => [[it.name, h('small', ' ', it.sku), h('div.quiet', it.note)], [it.quantity, ' ', it.unit],
		price(it.unit_price), it.discount > 0 && price(-it.discount), `${it.tax_rate} %`, price(it.total)]
	return table('Lines', 'Item,Quantity,Price,Discount,Tax,Total', order.line_items.map(line),
		h('tfoot', Object.entries(sums).map(sum)))
}

// The history holds each payment and each refund in turn; how it was made stands beside it.
function past({history, payments, refunds, currency}) {
	const made = {payment: [...payments], refund: [...refunds]}
	const what = (it, how) => [it.kind === 'status' ? `${it.from} → ${it.to}` : it.kind,
		it.amount && ` of ${money(it.amount, currency)}`, it.fields && ` of ${it.fields.join(', ')}`,
		[it.reason ?? how?.reason, how?.method, how?.reference_id].map(it => it && `, ${plain(it)}`)]
	return table('History', 'When,What,By,Note', history.map(it =>
		[time(it.at), what(it, made[it.kind]?.shift()), who(it.actor_id), it.note]))
}

function paper(order) {
	const {fulfillment: way, customer} = order
	const {content: shop, dataset: {url, zone}} = $('[name=shop]')
	const local = text =>
		text && moment(text).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'short', timeZone: zone})
	const price = minor => money(minor, order.currency)
	const row = (kind, ...cells) => h(kind, cells.map(it => h('span', it)))
	return [h('h2', shop), row('div', nameOf(order), local(order.created_at)),
		way && [row('h2', way.type, local(way.due_at)), h('p', address(way)), h('p', way.note)],
		customer && row('div', customerName(order), customer.phone), h('hr'),
		order.line_items.map(it => [row('div', many(it), price(it.total)), h('p', it.note)]), h('hr'),
		!order.isSimple && [row('div', 'Tax', price(order.tax_total)), row('h2', 'Total', price(order.total)),
			row('div', 'Paid', price(order.amount_paid - order.amount_refunded))],
		h('p', order.note), h('p', url)]
}
