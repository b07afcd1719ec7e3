import {$, act, ADDRESS, badge, bus, button, customerName, decimal, due, facts, fold, folds, get, h, invalid, isAdmin, isOpen, keeper, link, many, moment, money, nameOf, normal, num, on, parse, payment, places, plain, post, scope, section, session, show, state, STEPS, swap, table, time, title, VERBS} from './page.js'
import {last} from './orders.js'

const shop = $('[name=shop]')
const NOTE = ['note', 'textarea']

export default function page(to) {
	const {id} = to
	let order
	const head = h('div'), acts = h('div'), forms = folds(), ticket = h('div.ticket', {'aria-hidden': 'true'})
	const price = minor => money(minor, order.currency)
	const who = actor => actor === session.user.id ? 'you' : actor ? `user ${actor}` : 'the operator'

	async function change(path, body, key) {
		try {
			await post(`orders/${id}/${path}`, body, {match: order.version, key})
		} catch (fault) {
			if (fault.status !== 409 && fault.status !== 412) throw fault
			const now = await get(`orders/${id}`), most = fault.body?.due ?? fault.body?.refundable
			fault.message = `${most == null ? fault.message : `At most ${price(most)}`}. It is ${now.status} now, and ${plain(now.payment_status)}.`
			load()
			throw fault
		}
		load()
	}

	function offer(text, may, fields, path, more, props) {
		let key = keeper()
		const node = fold(text, fields, async values => {
			const body = {...more, ...values}, isMoney = !more
			if (isMoney) body.amount = Number(parse(body.amount ?? '', places(order.currency)))
			if (body.amount === 0) throw invalid('amount', 'An amount above 0')
			await change(path, body, isMoney && key(body))
			key = keeper()
		}, props)
		forms.append(Object.assign(node, {may, hidden: true}))
	}
	const amount = value => ['amount', 'text', {label: `Amount, ${order.currency ?? ''}`, inputmode: 'decimal', value: decimal(value, places(order.currency))}]
	const unpaid = () => order.total - order.amount_paid, refundable = () => order.amount_paid - order.amount_refunded, mine = () => isOpen(order) && (isAdmin() || order.status === 'pending')
	offer('Record a payment', () => isAdmin() && unpaid() && order.status !== 'canceled', () => [amount(unpaid()), ['method', ['cash', 'card', 'transfer', 'other']], ['reference_id'], NOTE], 'payments')
	offer('Refund', () => isAdmin() && refundable(), () => [amount(refundable()), ['reason', ['requested_by_customer', 'duplicate', 'fraudulent', 'other']], NOTE], 'refunds', null, {danger: true})
	offer('Change the note', mine, () => [['note', 'textarea', {value: order.note}]], 'update', {note: null})
	offer('Cancel the order', mine, () => [['reason', isAdmin() ? ['', 'customer', 'inventory', 'fraud', 'declined', 'staff', 'other'] : ['customer']], NOTE], 'status', {status: 'canceled'}, {danger: true})

	const step = (status, n) => act(n && status === 'processing' ? 'Back to processing' : VERBS[status], () => change('status', {status}), {class: !n && 'primary'})
	const load = show(to, [link(last, '« Orders'), head, h('div.acts', acts, forms)], () => get(`orders/${id}`), found => {
		order = normal(found)
		swap(head, title(nameOf(order), ' ', badge(order.status), ' ', payment(order)))
		swap(acts, isAdmin() && !order.isSimple && STEPS[order.status]?.map(step), button('Print', () => print(), {id: 'print'}))
		for (const it of forms.children) it.hidden = order.isSimple || !it.may()
		swap(ticket, paper())
		return [facts({Placed: [time(order.created_at), ' for ', who(order.user_id)], Number: `#${id}`, Due: due(order)}),
			order.isSimple ? state('A simple order: it has no content.') : content(order), ticket]
	})

	function content({customer, fulfillment: way, line_items, payments, refunds, history, note, metadata}) {
		const sums = {Subtotal: order.subtotal, Discount: -order.discount_total, [order.prices_include_tax ? 'Tax, included' : 'Tax']: order.tax_total, Total: order.total, Paid: order.amount_paid, Refunded: order.amount_refunded}
		// The history holds each payment and each refund in turn; how it was made stands beside it.
		const made = {payment: [...payments], refund: [...refunds]}
		return [table('Lines', 'Item,Quantity,Price,Discount,Tax,Total', line_items.map(it => [[it.name, h('small', ' ', it.sku), h('div.quiet', it.note)],
			num(it.quantity, ' ', it.unit), num(price(it.unit_price)), num(it.discount > 0 && price(-it.discount)), num(`${it.tax_rate} %`), num(price(it.total))]),
		h('tfoot', Object.entries(sums).filter(([name, it]) => it || name === 'Total').map(([name, it]) => h(name === 'Total' ? 'tr.sum' : 'tr', h('th', {scope: 'row', colspan: 5}, name), num(price(it)))))),
		h('div.cards', customer && section('Customer', facts({Name: customer.name, Phone: customer.phone && link(`tel:${customer.phone}`, customer.phone), Email: customer.email && link(`mailto:${customer.email}`, customer.email)})),
			way && section('Fulfilment', facts({How: way.type, Due: due(order), To: address(way), Note: way.note})), note && section('Note', h('p.text', note)), Object.keys(metadata).length > 0 && section('Metadata', facts(metadata))),
		history.length > 0 && [h('h2', 'Payments and history'), table('History', 'When,What,By,Note', history.map(it => {
			const how = made[it.kind]?.shift()
			return [time(it.at), [it.kind === 'status' ? `${it.from} → ${it.to}` : it.kind, it.amount && ` of ${price(it.amount)}`, it.fields && ` of ${it.fields.join(', ')}`,
				[it.reason ?? how?.reason, how?.method, how?.reference_id].filter(Boolean).map(it => `, ${plain(it)}`)], who(it.actor_id), it.note]
		}))]]
	}
	const address = ({address: it}) => it && ADDRESS.map(part => it[part]).filter(Boolean).join(', ')

	function paper() {
		const {fulfillment: way, customer} = order, local = text => moment(text).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'short', timeZone: shop.dataset.zone}), row = (kind, ...cells) => h(kind, cells.map(it => h('span', it)))
		return [h('h2', shop.content), row('div', nameOf(order), local(order.created_at)), way && [row('h2', way.type, way.due_at && local(way.due_at)), h('p', address(way)), h('p', way.note)],
			customer && row('div', customerName(order), customer.phone), h('hr'), order.line_items.map(it => [row('div', many(it), price(it.total)), h('p', it.note)]), h('hr'),
			!order.isSimple && [row('div', 'Tax', price(order.tax_total)), row('h2', 'Total', price(order.total)), row('div', 'Paid', price(order.amount_paid - order.amount_refunded))], h('p', order.note), h('p', shop.dataset.url)]
	}

	on(bus, 'event', ({detail: {data}}) => data.order.id === order?.id && data.order.version > order.version && load(), scope)
	// A roll has no pages: the paper is as long as what is on it.
	on(window, 'beforeprint', () => {
		const sheet = new CSSStyleSheet()
		sheet.replaceSync(`@page{size:80mm ${Math.ceil(ticket.scrollHeight * 0.2646) + 12}mm;margin:4mm}`)
		document.adoptedStyleSheets = [sheet]
	}, scope)
	on(scope.signal, 'abort', () => { document.adoptedStyleSheets = [] })
}
