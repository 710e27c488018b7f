/* BouncyCastle's EST client: Est URL LABEL TRUST.pem IDENTITY.p12 OPERATION OUT.p12; the passwords are "peers". */
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.net.URI;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.crypto.util.SubjectPublicKeyInfoFactory;
import org.bouncycastle.est.ESTAuth;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.jcajce.JcaJceUtils;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

public class Est {
	static final char[] PASSWORD = "peers".toCharArray();

	static KeyStore load(String path) throws Exception {
		KeyStore store = KeyStore.getInstance("PKCS12");
		try (FileInputStream in = new FileInputStream(path)) {
			store.load(in, PASSWORD);
		}
		return store;
	}

	static ESTService service(String url, String label, String trust, KeyStore identity) throws Exception {
		CertificateFactory factory = CertificateFactory.getInstance("X.509");
		X509Certificate anchor;
		try (FileInputStream in = new FileInputStream(trust)) {
			anchor = (X509Certificate) factory.generateCertificate(in);
		}
		KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
		keys.init(identity, PASSWORD);
		return new JsseESTServiceBuilder(new URI(url).getAuthority(),
			JcaJceUtils.getCertPathTrustManager(Set.of(new TrustAnchor(anchor, null)), null))
			.withKeyManagers(keys.getKeyManagers()).withLabel(label).build();
	}

	/* No credentials beside the client certificate. */
	static final ESTAuth NONE = builder -> { };

	static Certificate issued(EnrollmentResponse answer, KeyPair key) throws Exception {
		for (X509CertificateHolder c : answer.getStore().getMatches(null)) {
			Certificate certificate = CertificateFactory.getInstance("X.509").generateCertificate(
				new java.io.ByteArrayInputStream(c.getEncoded()));
			if (certificate.getPublicKey().equals(key.getPublic())) {
				return certificate;
			}
		}
		throw new Exception("no certificate for the key");
	}

	public static void main(String[] a) throws Exception {
		Security.addProvider(new BouncyCastleProvider());
		KeyStore identity = load(a[3]);
		ESTService est = service(a[0], a[1], a[2], identity);
		boolean renews = a[4].equals("simplereenroll");

		System.out.println("cacerts: " + est.getCACerts().getCertificateStore().getMatches(null).size());
		System.out.println("csrattrs: " + est.getCSRAttributes().getAttributesResponse().getRequirements().size());
		KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
		generator.initialize(new ECGenParameterSpec("secp256r1"));
		KeyPair key = generator.generateKeyPair();
		X509Certificate old = (X509Certificate) identity.getCertificate(identity.aliases().nextElement());
		X500Name name = renews ? X500Name.getInstance(old.getSubjectX500Principal().getEncoded())
			: new X500Name("CN=bouncy");
		PKCS10CertificationRequest request = new JcaPKCS10CertificationRequestBuilder(name, key.getPublic())
			.build(new JcaContentSignerBuilder("SHA256withECDSA").build(key.getPrivate()));
		boolean isMade = a[4].equals("serverkeygen");
		EnrollmentResponse answer = isMade ? est.simpleEnrollWithServersideCreation(request, NONE)
			: est.simpleEnroll(renews, request, NONE);
		while (!answer.isCompleted()) {
			System.out.println("not before " + answer.getNotBefore());
			Thread.sleep(Math.max(1, answer.getNotBefore() - System.currentTimeMillis()));
			answer = est.simpleEnroll(answer);
		}
		if (isMade) {
			System.out.println("made: " + answer.getPrivateKeyInfo().getPrivateKeyAlgorithm().getAlgorithm());
			PrivateKey secret = new JcaPEMKeyConverter().getPrivateKey(answer.getPrivateKeyInfo());
			ECPrivateKeyParameters number = (ECPrivateKeyParameters) PrivateKeyFactory.createKey(answer.getPrivateKeyInfo());
			ECPublicKeyParameters point = new ECPublicKeyParameters(
				number.getParameters().getG().multiply(number.getD()), number.getParameters());
			key = new KeyPair(new JcaPEMKeyConverter().getPublicKey(
				SubjectPublicKeyInfoFactory.createSubjectPublicKeyInfo(point)), secret);
		}
		Certificate made = issued(answer, key);
		KeyStore out = KeyStore.getInstance("PKCS12");
		out.load(null, null);
		out.setKeyEntry("identity", key.getPrivate(), PASSWORD, new Certificate[] { made });
		try (FileOutputStream file = new FileOutputStream(a[5])) {
			out.store(file, PASSWORD);
		}
		System.out.println("issued: " + ((X509Certificate) made).getSubjectX500Principal());
	}
}
