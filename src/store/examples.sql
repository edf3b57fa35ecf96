INSERT INTO domains (domain, transport) VALUES
  ('blobber.org', 'virtual:'),
  ('whopper.nu', 'virtual:'),
  ('lala.com', 'virtual:'),
  ('bloggs.com', 'virtual:'),
  ('domain.com', 'virtual:'),
  ('domain1.com', 'virtual:'),
  ('xn--bcher-kva.example', 'virtual:'),
  ('joe@bloggs.com', 'smtp:[aspmx.l.google.com]');
INSERT INTO aliases (mail, destination, enabled) VALUES
  ('postmaster@blobber.org', 'xandros@blobber.org', 1),
  ('abuse@blobber.org', 'postmaster@blobber.org', 1),
  ('xandros@blobber.org', 'xandros@blobber.org', 1),
  ('vivita@blobber.org', 'vivita@blobber.org', 1),
  ('karl@blobber.org', 'karl.vovianda@example.net', 1),
  ('info@blobber.org', 'xandros@blobber.org,vivita@blobber.org', 1),
  ('@whopper.nu', 'xandros@blobber.org', 1),
  ('postmaster@whopper.nu', 'postmaster@blobber.org', 1),
  ('abuse@whopper.nu', 'abuse@blobber.org', 1),
  ('@lala.com', '@whopper.nu', 1),
  ('joe@bloggs.com', 'joe@bloggs.com', 1),
  ('mary@bloggs.com', 'mary@bloggs.com', 1),
  ('postmaster@bloggs.com', 'mary@bloggs.com', 1),
  ('old-office@bloggs.com', 'mary@bloggs.com', 0),
  ('listof@domain.com', 'john@ppp.example,vic@domain.com,jj@somewhere.example,mary@bloggs.com,joe@bloggs.com,karl@blobber.org', 1),
  ('vic@domain.com', 'vivita@blobber.org', 1),
  ('bestellung@xn--bcher-kva.example', 'vivita@blobber.org', 1),
  ('newsletter@domain.com', 'vivita', 1);
INSERT INTO users (id, name, maildir, crypt) VALUES
  ('xandros@blobber.org', 'xandros', 'blobber.org/xandros/', '$6$z6nngUeLKCPaEoE5$bgxMviCxZdQle8G59DarK.JQxlQ7jwSM1QG6Jg7jA6CxOqyynB6UERAgkkWlOmfNQ2wGWeD/RRAOCYdZmWA310'),
  ('vivita@blobber.org', 'vivita', 'blobber.org/vivita/', '$6$z6nngUeLKCPaEoE5$bgxMviCxZdQle8G59DarK.JQxlQ7jwSM1QG6Jg7jA6CxOqyynB6UERAgkkWlOmfNQ2wGWeD/RRAOCYdZmWA310'),
  ('mary@bloggs.com', 'mary', 'bloggs.com/mary/', '$6$z6nngUeLKCPaEoE5$bgxMviCxZdQle8G59DarK.JQxlQ7jwSM1QG6Jg7jA6CxOqyynB6UERAgkkWlOmfNQ2wGWeD/RRAOCYdZmWA310');
INSERT INTO backups (domain, transport) VALUES
  ('friend1.com', ':[mail.friend.com]'),
  ('friend2.com', ':[]'),
  ('example.org', '');
INSERT INTO relays (recipient, status) VALUES
  ('@friend1.com', 'OK'),
  ('trap@friend1.com', 'REJECT'),
  ('info@example.org', 'OK'),
  ('support@example.org', 'REJECT');
INSERT INTO relocated (oldadr, newadr) VALUES
  ('pete@domain1.com', 'pete@newplace.example'),
  ('reception@domain1.com', 'please call +44 20 7946 0000');
