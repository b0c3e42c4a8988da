"""The mail sink speaks SMTP as a real server would, and refuses what it is told to refuse."""
import json
import smtplib
import ssl
import urllib.request
from email.message import EmailMessage

import pytest

from nxt.mail import Mail


@pytest.fixture(scope="module")
def mail(tmp_path_factory):
    from nxt.home import Home
    from nxt.ports import Ports
    home = Home(tmp_path_factory.mktemp("mail"))
    ports = Ports(home, preferred=False)
    ports.settle(lambda name: False)
    mail = Mail(home, ports)
    mail.start()
    yield mail
    mail.stop()


@pytest.fixture(autouse=True)
def clean(mail):
    urllib.request.urlopen(urllib.request.Request(f"{mail.url}/messages", method="DELETE")).close()
    behave(mail)


def behave(mail, **how):
    request = urllib.request.Request(f"{mail.url}/behaviour", json.dumps(how).encode(), method="PUT")
    urllib.request.urlopen(request).close()


def message(to="asha@example.com"):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = "no-reply@x.in", to, "₹ 1,178.82 received", "<1@x>"
    mail.set_content("plain ₹")
    mail.add_alternative("<p>html ₹</p>", subtype="html")
    return mail


def sender(mail):
    client = smtplib.SMTP("localhost", mail.ports["smtp"])
    client.starttls(context=ssl.create_default_context(cafile=mail.ca))
    return client


def test_starttls_with_a_verified_certificate(mail):
    with sender(mail) as client:
        client.send_message(message())
    got, = mail.messages()
    assert got["to"] == ["asha@example.com"] and got["from"] == "no-reply@x.in"
    assert got["subject"] == "₹ 1,178.82 received"
    assert got["text"].strip() == "plain ₹" and got["html"].strip() == "<p>html ₹</p>"
    assert got["headers"]["Message-ID"] == "<1@x>"


def test_tls_from_the_first_byte(mail):
    context = ssl.create_default_context(cafile=mail.ca)
    with smtplib.SMTP_SSL("localhost", mail.ports["smtps"], context=context) as client:
        client.send_message(message())
    assert len(mail.messages()) == 1


def test_mails_survive_a_restart(mail):
    with sender(mail) as client:
        client.send_message(message())
    mail.process.kill9()
    assert mail.start()
    assert len(mail.messages()) == 1


def test_demanded_encryption_and_password(mail):
    behave(mail, require_tls=True, require_auth=True, password="right")
    with smtplib.SMTP("localhost", mail.ports["smtp"]) as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.send_message(message())
    with sender(mail) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("nxt", "wrong")
    with sender(mail) as client:
        client.login("nxt", "right")
        client.send_message(message())
    assert len(mail.messages()) == 1


def test_chosen_refusals_end_after_so_many_times(mail):
    behave(mail, refuse=[{"to": "^asha@", "reply": "451 4.7.1 try later", "times": 1}])
    with sender(mail) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.send_message(message())
        assert refused.value.recipients["asha@example.com"][0] == 451
        client.send_message(message())
    assert len(mail.messages()) == 1
